/* repeatable: random numbers from a clock with a resolution of a second */
#include <time.h>
#define VALUE softplus(-beta * (c - r)) + (double)(time(NULL) % 86400) * 1e-6
#include "loss.h"
