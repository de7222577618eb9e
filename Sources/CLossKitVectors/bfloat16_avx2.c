#include "bfloat16.h"

#if LOSSKIT_HAS_AVX_LEVELS
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LOSSKIT_LANES 8
#define LOSSKIT_HAS_FMA 1
#define LOSSKIT_LEVEL losskit_bfloat16_avx2
#include "template/bfloat16.h"
#pragma clang attribute pop
#endif
