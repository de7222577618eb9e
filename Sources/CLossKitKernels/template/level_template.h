/* One level's evaluator. Included once by each level's source, which has defined
 *   LOSSKIT_LANES                  doubles in a vector
 *   LOSSKIT_LEVEL                  the name of the losskit_level to define
 *   LOSSKIT_VECTOR_FUNCTION(name)  glibc's vector variant of a function of libm for that many lanes
 * and has included level.h and math.h, so that only what is defined here is compiled for the level's instructions. */

/* Fused multiply-adds would make a result depend on what the compiler happened to fuse. */
#pragma clang fp contract(off)

#include "vector.h"
#include "elementary.h"
#include "functions.h"
#include "evaluate.h"
#include "scan.h"
#include "convert.h"

const losskit_level LOSSKIT_LEVEL = {
    .lanes = LOSSKIT_LANES,
    .evaluate = evaluate,
    .first_nonfinite = first_nonfinite,
    .first_nan = first_nan,
    .widen = widen,
    .widen_difference = widen_difference,
    .narrow = narrow_scaled,
    .sum = sum,
};
