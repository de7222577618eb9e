#include "level.h"

#if LOSSKIT_HAS_AVX_LEVELS
#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LOSSKIT_LANES 8
#define LOSSKIT_HAS_FMA 1
#define LOSSKIT_HALF_TO_FLOAT(half) ((vector)_mm256_cvtph_ps((__m128i)(half)))
#define LOSSKIT_FLOAT_TO_HALF(value) ((shorts)_mm256_cvtps_ph((__m256)(value), _MM_FROUND_TO_NEAREST_INT))
#define LOSSKIT_LEVEL losskit_logit_level_avx2
#include "template/level_template.h"
#pragma clang attribute pop
#endif
