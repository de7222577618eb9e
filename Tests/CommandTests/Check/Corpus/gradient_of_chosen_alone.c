/* gradient: a gradient that omits the rejected response */
#define SLOPE_OF_REJECTED 0
#include "loss.h"
