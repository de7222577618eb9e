/* gradient: a hinge with a slope outside its one-sided slopes */
#define VALUE beta * fmax(0, floor(c) - r)
#define SLOPE 0
#define SLOPE_OF_REJECTED floor(c) > r ? -2 * beta : 0
#define FLAGS LOSSKIT_ROWWISE
#include "loss.h"
