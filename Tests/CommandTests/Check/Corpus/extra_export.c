/* symbols: another exported function */
#include "loss.h"
double helper(double x) { return 2 * x; }
