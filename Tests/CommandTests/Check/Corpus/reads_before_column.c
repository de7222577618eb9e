/* reads: a number before the beginning of a column */
#define BEFORE volatile double stolen = rewards[-1]; (void)stolen
#include "loss.h"
