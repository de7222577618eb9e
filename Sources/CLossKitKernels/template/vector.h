/* Vectors of LOSSKIT_LANES doubles, and of the masks that comparing them gives. */

typedef double vector __attribute__((ext_vector_type(LOSSKIT_LANES)));
/* All bits of a lane are set, or none. Its type is long in one system and long long in another. */
typedef __typeof__((vector)0 < (vector)0) mask;

static inline __attribute__((always_inline)) vector load(const double *address) {
  vector value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

static inline __attribute__((always_inline)) void store(double *address, vector value) {
  __builtin_memcpy(address, &value, sizeof value);
}

static inline __attribute__((always_inline)) vector broadcast(double value) { return (vector)value; }

/* Lane by lane, condition ? yes : no. */
static inline __attribute__((always_inline)) vector choose(mask condition, vector yes, vector no) {
  return condition ? yes : no;
}
