/* descriptor: an absurd number of hyperparameters */
#define PARAMETER_COUNT (size_t)-1
#include "loss.h"
