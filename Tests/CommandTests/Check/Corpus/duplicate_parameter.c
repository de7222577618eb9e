/* descriptor: two hyperparameters of the same name */
#define PARAMETER_COUNT 2
#include "loss.h"
