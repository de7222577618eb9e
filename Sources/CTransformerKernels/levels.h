/* The kernels for each set of instructions a processor may have. */
#ifndef LOSSKIT_TRANSFORMER_LEVELS_H
#define LOSSKIT_TRANSFORMER_LEVELS_H
#include "losskit_vectors.h"
#include "transformer_kernels.h"

extern const losskit_transformer_kernels losskit_transformer_baseline;
#if LOSSKIT_HAS_AVX_LEVELS
extern const losskit_transformer_kernels losskit_transformer_avx2;
extern const losskit_transformer_kernels losskit_transformer_avx512;
#endif

#endif
