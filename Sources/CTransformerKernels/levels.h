/* The kernels for each set of instructions a processor may have. */
#ifndef LOSSKIT_TRANSFORMER_LEVELS_H
#define LOSSKIT_TRANSFORMER_LEVELS_H
#include "transformer_kernels.h"

#if defined(__x86_64__)
#define LOSSKIT_HAS_AVX_LEVELS 1
#else
#define LOSSKIT_HAS_AVX_LEVELS 0
#endif

extern const losskit_transformer_kernels losskit_transformer_baseline;
#if LOSSKIT_HAS_AVX_LEVELS
extern const losskit_transformer_kernels losskit_transformer_avx2;
extern const losskit_transformer_kernels losskit_transformer_avx512;
#endif

#endif
