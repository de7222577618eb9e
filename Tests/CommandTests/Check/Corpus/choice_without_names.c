/* descriptor: a choice without names */
#define PARAMETER { "beta", NULL, "strength", LOSSKIT_CHOICE, 0, 0, 0, 3, NULL }
#include "loss.h"
