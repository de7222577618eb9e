#include "level.h"

const losskit_level *losskit_level_for(int32_t level) {
  static const losskit_level *const levels[] = {LOSSKIT_EACH_LEVEL(&losskit_level)};
  return levels[losskit_available_level(level) - 1];
}
