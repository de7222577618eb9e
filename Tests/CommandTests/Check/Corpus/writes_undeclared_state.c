/* writes: a state that it did not declare */
#define AFTER frame->state[0] = 1
#include "loss.h"
