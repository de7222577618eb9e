/* gradient: a gradient of the wrong sign */
#define SLOPE beta / (1 + exp(beta * (c - r)))
#include "loss.h"
