/* writes: a gradient that is written although it is not requested */
#define WANTED(frame) (frame)->cotangent
#include "loss.h"
