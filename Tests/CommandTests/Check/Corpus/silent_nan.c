/* undefined: the logarithm of a negative number as NaN, without an error */
#define VALUE softplus(-beta * (c - r)) + log(s)
#define SECOND_COLUMN { "score", "of a response", LOSSKIT_PER_RESPONSE, 0 }
#include "loss.h"
