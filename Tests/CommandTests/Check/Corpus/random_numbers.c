/* pure: random numbers of its own */
#define VALUE softplus(-beta * (c - r)) + rand() * 1e-12
#include "loss.h"
