/* gradient: a gradient that is one percent too large */
#define SLOPE -1.01 * beta / (1 + exp(beta * (c - r)))
#include "loss.h"
