/* Vectors of doubles, and the masks that comparisons return. */

/* All bits of a lane are set, or none. The element type is long on some systems and long long on others. */
typedef __typeof__((vector)0 < (vector)0) mask;

LOSSKIT_INLINE vector broadcast(double value) { return (vector)value; }

/* condition ? yes : no, lane by lane. */
LOSSKIT_INLINE vector choose(mask condition, vector yes, vector no) { return condition ? yes : no; }
