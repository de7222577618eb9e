/* pure: a sum that grows with every call */
#define BEFORE static double calls; calls += 1e-9
#define VALUE softplus(-beta * (c - r)) + calls
#include "loss.h"
