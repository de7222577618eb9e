/* returns: a call that does not return */
#define BEFORE for (volatile int i = 0;; i = 1 - i) {}
#include "loss.h"
