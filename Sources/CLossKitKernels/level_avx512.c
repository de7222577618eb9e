#include "level.h"

#include <math.h>

#if LOSSKIT_HAS_AVX_LEVELS
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl"))), apply_to = function)
#define LOSSKIT_LANES 8
#define LOSSKIT_LEVEL losskit_level_avx512
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVeN8v_##name
#include "template/level_template.h"
#pragma clang attribute pop
#endif
