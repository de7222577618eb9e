/* Begins the kernels of one level: the code up to LOSSKIT_END_LEVEL is compiled for the level's instructions, with vectors
 * of the width of its registers. A level's source includes this once, after the system's headers, and defines
 *   LOSSKIT_LEVEL   1 baseline, 2 AVX2, 3 AVX-512, as in losskit_levels.h
 *   LOSSKIT_NUMBER  double or float */

#if LOSSKIT_LEVEL == 3
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define LOSSKIT_END_LEVEL _Pragma("clang attribute pop")
#define LOSSKIT_OF_LEVEL(name) name##_avx512
enum { LOSSKIT_VECTOR_BYTES = 64 };
#elif LOSSKIT_LEVEL == 2
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LOSSKIT_END_LEVEL _Pragma("clang attribute pop")
#define LOSSKIT_OF_LEVEL(name) name##_avx2
enum { LOSSKIT_VECTOR_BYTES = 32 };
#else
#define LOSSKIT_END_LEVEL
#define LOSSKIT_OF_LEVEL(name) name##_baseline
enum { LOSSKIT_VECTOR_BYTES = 16 };
#endif

/* Multiply-adds are fused only where written so, to make results independent of the compiler's choices. */
#pragma clang fp contract(off)

enum { LOSSKIT_LANES = LOSSKIT_VECTOR_BYTES / sizeof(LOSSKIT_NUMBER) };

typedef LOSSKIT_NUMBER vector __attribute__((ext_vector_type(LOSSKIT_LANES)));

#define LOSSKIT_INLINE static inline __attribute__((always_inline))

LOSSKIT_INLINE vector load(const LOSSKIT_NUMBER *address) {
  vector value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

LOSSKIT_INLINE void store(LOSSKIT_NUMBER *address, vector value) { __builtin_memcpy(address, &value, sizeof value); }
