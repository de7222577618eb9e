/* forward: a policy with different values each time */
#define VALUE -1 - 1e-9 * rand()
#include "policy.h"
