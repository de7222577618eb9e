/* descriptor: a column of an unknown extent */
#define COLUMN { "reward", "the implicit reward", 5, LOSSKIT_DIFFERENTIABLE }
#include "loss.h"
