/* The elementary functions on vectors. On x86-64 Linux they are those of glibc's libmvec, which is correct in all special
 * cases (zeros of both signs, infinities, NaN, subnormals, overflow) and within 3.1 ulp elsewhere; without libmvec, each
 * lane goes through libm. */

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)
#define LOSSKIT_HAS_LIBMVEC 1
#endif
#endif

#ifdef LOSSKIT_HAS_LIBMVEC

#if LOSSKIT_LEVEL == 3
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVeN8v_##name
#elif LOSSKIT_LEVEL == 2
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVdN4v_##name
#else
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVbN2v_##name
#endif

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
LOSSKIT_ELEMENTARY(log1p)
LOSSKIT_ELEMENTARY(tanh)
