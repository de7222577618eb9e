/* gradient: a gradient that is not multiplied by the cotangent */
#define AFTER for (size_t g = 0; WANTED(frame) && g < 2 * n; g++) frame->gradients[0][g] /= frame->cotangent[g % n]
#include "loss.h"
