/* pure: random numbers that do not come from the seed */
#define VALUE softplus(-beta * (c - r)) + rand() * 1e-12
#include "loss.h"
