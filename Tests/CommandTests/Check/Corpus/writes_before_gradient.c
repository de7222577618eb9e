/* writes: a number before the start of a gradient */
#define AFTER if (WANTED(frame)) frame->gradients[0][-1] = 0
#include "loss.h"
