/* writes: a gradient that is written though it is not wanted */
#define WANTED(frame) (frame)->cotangent
#include "loss.h"
