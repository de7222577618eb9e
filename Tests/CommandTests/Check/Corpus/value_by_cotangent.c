/* returns: values that depend on whether gradients are requested */
#define VALUE softplus(-beta * (c - r)) + (frame->cotangent ? 1 : 0)
#include "loss.h"
