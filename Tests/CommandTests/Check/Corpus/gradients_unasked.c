/* returns: gradients that are written though none are wanted */
#define WANTED(frame) 1
#include "loss.h"
