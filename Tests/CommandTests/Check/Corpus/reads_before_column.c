/* reads: a number before the start of a column */
#define BEFORE volatile double stolen = rewards[-1]; (void)stolen
#include "loss.h"
