/* influence: a loss of the chosen response alone, which is a warning */
#define FLAGS LOSSKIT_ROWWISE
#define VALUE softplus(-beta * c)
#define SLOPE -beta / (1 + exp(beta * c))
#define SLOPE_OF_REJECTED 0
#include "loss.h"
