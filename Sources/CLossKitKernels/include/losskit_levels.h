/* The instruction sets that kernels are compiled for, and which of them the processor has. */
#ifndef LOSSKIT_LEVELS_H
#define LOSSKIT_LEVELS_H
#include <stdint.h>

enum {
  LOSSKIT_LEVEL_AUTOMATIC = 0, /* the best one of the processor */
  LOSSKIT_LEVEL_BASELINE = 1,
  LOSSKIT_LEVEL_AVX2 = 2,  /* with FMA and F16C */
  LOSSKIT_LEVEL_AVX512 = 3 /* F, BW, DQ and VL */
};

#if defined(__x86_64__)
#define LOSSKIT_HAS_AVX_LEVELS 1
#else
#define LOSSKIT_HAS_AVX_LEVELS 0
#endif

/* The names of one variable in each level, in order: the kernel tables that level_*.c define. */
#if LOSSKIT_HAS_AVX_LEVELS
#define LOSSKIT_EACH_LEVEL(name) name##_baseline, name##_avx2, name##_avx512
#else
#define LOSSKIT_EACH_LEVEL(name) name##_baseline
#endif

/* The best level of the processor. */
int32_t losskit_kernel_level(void);

/* The given level, or the best one if it is AUTOMATIC, unknown, or not available on the processor. */
int32_t losskit_available_level(int32_t level);

#endif
