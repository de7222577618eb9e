/* The sets of instructions that kernels are compiled for, and which of them this processor has. */
#ifndef LOSSKIT_LEVELS_H
#define LOSSKIT_LEVELS_H
#include <stdint.h>

enum {
  LOSSKIT_LEVEL_AUTOMATIC = 0, /* the best one this processor has */
  LOSSKIT_LEVEL_BASELINE = 1,
  LOSSKIT_LEVEL_AVX2 = 2,  /* with FMA and F16C */
  LOSSKIT_LEVEL_AVX512 = 3 /* F, BW, DQ and VL */
};

#if defined(__x86_64__)
#define LOSSKIT_HAS_AVX_LEVELS 1
#else
#define LOSSKIT_HAS_AVX_LEVELS 0
#endif

/* The names of one variable in each level, in the order of the levels: the tables of kernels that level_*.c define. */
#if LOSSKIT_HAS_AVX_LEVELS
#define LOSSKIT_EACH_LEVEL(name) name##_baseline, name##_avx2, name##_avx512
#else
#define LOSSKIT_EACH_LEVEL(name) name##_baseline
#endif

/* The best level of this processor. */
int32_t losskit_kernel_level(void);

/* The level itself; the best one where it is AUTOMATIC, none of the above, or one this processor lacks. */
int32_t losskit_available_level(int32_t level);

#endif
