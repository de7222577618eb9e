/* symbols: another function that is exported */
#include "loss.h"
double helper(double x) { return 2 * x; }
