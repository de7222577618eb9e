/* descriptor: a number of hyperparameters, and no array of them */
#define PARAMETERS NULL
#include "loss.h"
