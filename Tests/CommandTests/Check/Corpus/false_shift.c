/* shift-invariant: the chosen reward alone in a loss that claims to be shift-invariant */
#define VALUE softplus(-beta * c)
#define SLOPE -beta / (1 + exp(beta * c))
#define SLOPE_OF_REJECTED 0
#include "loss.h"
