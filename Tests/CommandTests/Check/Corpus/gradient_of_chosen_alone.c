/* gradient: a gradient that leaves out the rejected response */
#define SLOPE_OF_REJECTED 0
#include "loss.h"
