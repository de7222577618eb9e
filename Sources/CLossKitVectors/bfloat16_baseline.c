#include "bfloat16.h"

#define LOSSKIT_LANES 4
#define LOSSKIT_LEVEL losskit_bfloat16_baseline
#include "template/bfloat16.h"
