/* rowwise: a weight by the index in the batch in a loss that claims to be rowwise */
#define VALUE softplus(-beta * (c - r)) * (double)(g + 1)
#define SLOPE -beta / (1 + exp(beta * (c - r))) * (double)(g + 1)
#include "loss.h"
