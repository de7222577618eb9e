#include "levels.h"

#include <math.h>

#if LOSSKIT_HAS_AVX_LEVELS
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw"))), apply_to = function)
#define LOSSKIT_LANES 16
#define LOSSKIT_HAS_FMA
#define LOSSKIT_LEVEL losskit_transformer_avx512
#include "template/level.h"
#pragma clang attribute pop
#endif
