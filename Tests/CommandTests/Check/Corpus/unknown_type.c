/* descriptor: a hyperparameter of an unknown type */
#define PARAMETER { "beta", NULL, "strength", 9, 0, 0.1, 0, 1, NULL }
#include "loss.h"
