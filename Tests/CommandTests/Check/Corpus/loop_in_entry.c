/* opens: an entry function that does not return */
#define ON_ENTRY for (volatile int i = 0;; i = 1 - i) {}
#include "loss.h"
