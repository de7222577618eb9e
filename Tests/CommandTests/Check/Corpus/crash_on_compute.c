/* returns: a crash in every call */
#define BEFORE *(volatile int *)0 = 1
#include "loss.h"
