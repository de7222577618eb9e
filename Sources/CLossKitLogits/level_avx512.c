#include "level.h"

#if LOSSKIT_HAS_AVX_LEVELS
#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512dq,avx512vl,avx512bw"))), apply_to = function)
#define LOSSKIT_LANES 16
#define LOSSKIT_HAS_FMA 1
#define LOSSKIT_HALF_TO_FLOAT(half) ((vector)_mm512_cvtph_ps((__m256i)(half)))
#define LOSSKIT_FLOAT_TO_HALF(value) ((shorts)_mm512_cvtps_ph((__m512)(value), _MM_FROUND_TO_NEAREST_INT))
#define LOSSKIT_LEVEL losskit_logit_level_avx512
#include "template/level_template.h"
#pragma clang attribute pop
#endif
