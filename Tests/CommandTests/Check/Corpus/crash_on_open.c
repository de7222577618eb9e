/* opens: a crash while it is opened */
#include "loss.h"

__attribute__((constructor)) static void on_open(void) { *(volatile int *)0 = 1; }
