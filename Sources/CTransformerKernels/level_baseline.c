#include "levels.h"

#include <math.h>

#define LOSSKIT_LANES 4
#define LOSSKIT_LEVEL losskit_transformer_baseline
#include "template/level.h"
