/* rowwise: a mean over the batch in a loss that claims to be rowwise */
#define BEFORE double mean = 0; for (size_t i = 0; i < n; i++) mean += (rewards[i] - rewards[n + i]) / (double)n
#define VALUE softplus(-beta * (c - r - mean))
#include "loss.h"
