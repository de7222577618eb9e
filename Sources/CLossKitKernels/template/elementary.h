/* The elementary functions on vectors, by the names of the vector ABI. On x86-64 Linux they are those of glibc's libmvec, on 64-bit ARM
 * Linux those of SLEEF's libsleefgnuabi, for glibc has all of them there from 2.40 on. Both are correct in all special cases (zeros of both
 * signs, infinities, NaN, subnormals, overflow), but for one that is named below, and within 3.1 ulp elsewhere. On other systems each lane goes through libm. */

#if defined(__linux__) && defined(__GLIBC__)
#if defined(__x86_64__) && __GLIBC_PREREQ(2, 35)
#if LOSSKIT_LEVEL == 3
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVeN8v_##name
#elif LOSSKIT_LEVEL == 2
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVdN4v_##name
#else
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVbN2v_##name
#endif
#elif defined(__aarch64__)
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVnN2v_##name
#endif
#endif

#ifdef LOSSKIT_VECTOR_FUNCTION

#define LOSSKIT_ELEMENTARY(name)                                                                  \
  extern vector LOSSKIT_VECTOR_FUNCTION(name)(vector) __attribute__((const, nothrow));            \
  LOSSKIT_INLINE vector vector_##name(vector a) { return LOSSKIT_VECTOR_FUNCTION(name)(a); }

#else

#define LOSSKIT_ELEMENTARY(name)                                                                  \
  static inline vector vector_##name(vector a) {                                                  \
    vector result;                                                                                \
    for (int lane = 0; lane < LOSSKIT_LANES; lane++) result[lane] = name(a[lane]);                \
    return result;                                                                                \
  }

#endif

LOSSKIT_ELEMENTARY(exp)
LOSSKIT_ELEMENTARY(expm1)
LOSSKIT_ELEMENTARY(log)
LOSSKIT_ELEMENTARY(tanh)
#if defined(__aarch64__) && defined(LOSSKIT_VECTOR_FUNCTION)
extern vector LOSSKIT_VECTOR_FUNCTION(log1p)(vector) __attribute__((const, nothrow));
/* SLEEF's is infinite from 1e307 on; there log(1 + a) = log(1 + a / 2^100) + 100 log 2. */
LOSSKIT_INLINE vector vector_log1p(vector a) {
  const mask is_large = a > 0x1p1000;
  const vector logarithm = LOSSKIT_VECTOR_FUNCTION(log1p)(choose(is_large, a * 0x1p-100, a));
  return choose(is_large, logarithm + 69.314718055994530942, logarithm);
}
#else
LOSSKIT_ELEMENTARY(log1p)
#endif
