/* reads: a hyperparameter that it did not declare */
#define BEFORE volatile double stolen = frame->parameters[1]; (void)stolen
#include "loss.h"
