/* zero-at-reference: a constant in a reward that claims to be 0 at the reference */
#define OFFSET 0.1
#include "reward.h"
