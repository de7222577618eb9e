/* opens: a crash in its entry function */
#define ON_ENTRY *(volatile int *)0 = 1
#include "loss.h"
