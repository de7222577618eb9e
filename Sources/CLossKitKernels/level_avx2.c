#include "level.h"

#include <math.h>

#if LOSSKIT_HAS_AVX_LEVELS
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LOSSKIT_LANES 4
#define LOSSKIT_LEVEL losskit_level_avx2
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVdN4v_##name
#include "template/level_template.h"
#pragma clang attribute pop
#endif
