/* reads: a number past the end of a column */
#define BEFORE volatile double stolen = rewards[2 * n]; (void)stolen
#include "loss.h"
