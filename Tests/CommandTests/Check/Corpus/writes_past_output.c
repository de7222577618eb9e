/* writes: a number past the end of the output */
#define AFTER frame->output[n] = 0
#include "loss.h"
