/* returns: gradients that are written although none are requested */
#define WANTED(frame) 1
#include "loss.h"
