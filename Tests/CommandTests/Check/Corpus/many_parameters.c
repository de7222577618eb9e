/* descriptor: a number of hyperparameters beyond all reason */
#define PARAMETER_COUNT (size_t)-1
#include "loss.h"
