/* Vectors of doubles, and of the masks that comparing them gives. */

/* All bits of a lane are set, or none. Its type is long in one system and long long in another. */
typedef __typeof__((vector)0 < (vector)0) mask;

LOSSKIT_INLINE vector broadcast(double value) { return (vector)value; }

/* Lane by lane, condition ? yes : no. */
LOSSKIT_INLINE vector choose(mask condition, vector yes, vector no) { return condition ? yes : no; }
