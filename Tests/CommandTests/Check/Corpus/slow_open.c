/* opens: a quarter of a second of work at opening */
#include <time.h>
#define ON_ENTRY while (clock() < CLOCKS_PER_SEC / 4) {}
#include "loss.h"
