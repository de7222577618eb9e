/* continuity: a value that falls by a tenth where the margin passes 0, which is a warning */
#define VALUE softplus(-beta * (c - r)) + (c > r ? 0 : 0.1)
#include "loss.h"
