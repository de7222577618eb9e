/* environment: another rounding mode after a call */
#include <fenv.h>
#define BEFORE fesetround(FE_UPWARD)
#include "loss.h"
