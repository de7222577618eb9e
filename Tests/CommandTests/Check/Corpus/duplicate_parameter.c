/* descriptor: two hyperparameters of one name */
#define PARAMETER_COUNT 2
#include "loss.h"
