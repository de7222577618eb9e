/* finite: NaN where the margin is 0 */
#define VALUE c == r ? NAN : softplus(-beta * (c - r))
#include "loss.h"
