#include "level.h"

#include <math.h>

#define LOSSKIT_LANES 4
#if defined(__aarch64__)
#define LOSSKIT_HAS_FMA 1
#endif
#define LOSSKIT_LEVEL losskit_logit_level_baseline
#include "template/level_template.h"
