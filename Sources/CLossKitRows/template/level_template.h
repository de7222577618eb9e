/* The kernels of LOSSKIT_LEVEL. */
#include <float.h>
#include <math.h>
#if LOSSKIT_HAS_AVX_LEVELS
#include <immintrin.h>
#endif

#define LOSSKIT_NUMBER float
#include "level_vectors.h"

#include "vector.h"
#include "halves.h"
#include "bfloat16.h"
#include "exponential.h"
#include "logits/chunk.h"
#include "logits/sums.h"
#include "logits/gradient.h"
#include "logits/logits.h"
#include "transformer/rows.h"
#include "transformer/elementwise.h"
#include "transformer/softmax.h"
#include "transformer/gated.h"
#include "transformer/cap.h"
#include "transformer/norm.h"
#include "transformer/adam.h"

const losskit_row_level LOSSKIT_OF_LEVEL(losskit_row_level) = {
    .round_to_bfloat16 = round_to_bfloat16,
    .expand_bfloat16 = expand_bfloat16,
    .expand_half = expand_half,
    .exponentials = exponentials,
    .logit_sums = logit_sums,
    .logit_gradient = logit_gradient,
    .get_logit = get_logit,
    .set_logit = set_logit,
    .transformer = {
        .dot = dot,
        .add = add,
        .add_scaled = add_scaled,
        .softmax = softmax,
        .softmax_gradient = softmax_gradient,
        .swiglu = swiglu,
        .swiglu_gradient = swiglu_gradient,
        .geglu = geglu,
        .geglu_gradient = geglu_gradient,
        .cap = cap,
        .cap_gradient = cap_gradient,
        .norm = norm,
        .norm_gradient = norm_gradient,
        .rotate = rotate,
        .adam = adam,
    },
};

LOSSKIT_END_LEVEL
