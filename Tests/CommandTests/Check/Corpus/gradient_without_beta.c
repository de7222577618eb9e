/* gradient: a gradient that ignores beta */
#define SLOPE -1 / (1 + exp(beta * (c - r)))
#include "loss.h"
