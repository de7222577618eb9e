/* descriptor: a default outside its bounds */
#define PARAMETER { "beta", NULL, "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN, 0, 0, INFINITY, NULL }
#include "loss.h"
