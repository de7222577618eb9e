/* descriptor: a lower bound above the upper one */
#define PARAMETER { "beta", NULL, "strength", LOSSKIT_REAL, 0, 0.5, 1, 0, NULL }
#include "loss.h"
