/* exit: a crash when the process ends */
#include "loss.h"

__attribute__((destructor)) static void at_end(void) { *(volatile int *)0 = 1; }
