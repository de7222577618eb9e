/* One level's loops. Included once by each level's source, which has defined
 *   LOSSKIT_LANES           floats in a vector
 *   LOSSKIT_LEVEL           the name of the losskit_logit_level to define
 *   LOSSKIT_HAS_FMA         where a multiply-add is one instruction
 *   LOSSKIT_HALF_TO_FLOAT, LOSSKIT_FLOAT_TO_HALF  where the level has instructions for them
 * and has included level.h and math.h, so that only what is defined here is compiled for the level's instructions. */

#include <float.h>

#include "losskit_vector_template.h"
#include "losskit_exponential_template.h"
#include "exponentials.h"
#include "chunk.h"
#include "sums.h"
#include "gradient.h"

/* A type known to the compiler lets it choose the conversion outside the loops. */
static losskit_row_sums sums(const void *row, int32_t type, const void *reference, int32_t reference_type,
                             size_t count, int all) {
  if (reference) return sums_of(row, type, reference, reference_type, count, 1);
  if (all) return sums_of(row, type, NULL, 0, count, 1);
  if (type == LOSSKIT_FLOAT32) return sums_of(row, LOSSKIT_FLOAT32, NULL, 0, count, 0);
  if (type == LOSSKIT_FLOAT16) return sums_of(row, LOSSKIT_FLOAT16, NULL, 0, count, 0);
  return sums_of(row, LOSSKIT_BFLOAT16, NULL, 0, count, 0);
}

static void gradient(const void *row, int32_t type, const void *reference, int32_t reference_type, size_t count,
                     const losskit_row_slopes *slopes, void *target) {
  if (reference) {
    gradient_of(row, type, reference, reference_type, count, slopes, target);
  } else if (type == LOSSKIT_FLOAT32) {
    gradient_of(row, LOSSKIT_FLOAT32, NULL, 0, count, slopes, target);
  } else if (type == LOSSKIT_FLOAT16) {
    gradient_of(row, LOSSKIT_FLOAT16, NULL, 0, count, slopes, target);
  } else {
    gradient_of(row, LOSSKIT_BFLOAT16, NULL, 0, count, slopes, target);
  }
}

static double get(const void *row, int32_t type, size_t index) { return load_last(row, type, index, index + 1)[0]; }

static void set(void *row, int32_t type, size_t index, double value) {
  store_last(row, type, index, index + 1, (vector)(float)value);
}

const losskit_logit_level LOSSKIT_LEVEL = {
    .sums = sums,
    .gradient = gradient,
    .exponentials = exponentials,
    .get = get,
    .set = set,
};
