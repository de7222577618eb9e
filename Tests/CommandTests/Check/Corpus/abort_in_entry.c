/* opens: abort in its entry function */
#define ON_ENTRY abort()
#include "loss.h"
