/* The kernels of LOSSKIT_LEVEL. */
#include <math.h>

#define LOSSKIT_NUMBER double
#include "level_vectors.h"

#include "vector.h"
#include "elementary.h"
#include "functions.h"
#include "evaluate.h"
#include "scan.h"
#include "convert.h"

const losskit_level LOSSKIT_OF_LEVEL(losskit_level) = {
    .lanes = LOSSKIT_LANES,
    .evaluate = evaluate,
    .first_nonfinite = first_nonfinite,
    .first_nan = first_nan,
    .widen = widen,
    .widen_difference = widen_difference,
    .narrow = narrow_scaled,
    .sum = sum,
};

LOSSKIT_END_LEVEL
