/* writes: a hyperparameter that is written */
#define AFTER ((double *)frame->parameters)[0] = 1
#include "loss.h"
