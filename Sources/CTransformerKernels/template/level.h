/* One level's kernels. Included once by each level's source, which has defined
 *   LOSSKIT_LANES    floats in a vector
 *   LOSSKIT_LEVEL    the name of the losskit_transformer_kernels to define
 *   LOSSKIT_HAS_FMA  where the processor multiplies and adds in one step
 * and has included levels.h and math.h, so that only what is defined here is compiled for the level's instructions. */

#include "losskit_vector_template.h"
#include "losskit_exponential_template.h"
#include "rows.h"
#include "elementwise.h"
#include "softmax.h"
#include "swiglu.h"
#include "norm.h"
#include "adam.h"

const losskit_transformer_kernels LOSSKIT_LEVEL = {
    .dot = dot,
    .add = add,
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .swiglu = swiglu,
    .swiglu_gradient = swiglu_gradient,
    .norm = norm,
    .norm_gradient = norm_gradient,
    .rotate = rotate,
    .adam = adam,
};
