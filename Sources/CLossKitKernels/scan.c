#include "level.h"

size_t losskit_first_nonfinite(const double *values, size_t count) {
  return losskit_level_for(LOSSKIT_LEVEL_AUTOMATIC)->first_nonfinite(values, count);
}

size_t losskit_first_nan(const double *values, size_t count) {
  return losskit_level_for(LOSSKIT_LEVEL_AUTOMATIC)->first_nan(values, count);
}
