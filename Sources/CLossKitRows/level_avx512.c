#include "level.h"

#if LOSSKIT_HAS_AVX_LEVELS
#define LOSSKIT_LEVEL 3
#include "template/level_template.h"
#endif
