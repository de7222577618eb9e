/* copies: a copy of a policy that is trained along with it */
#define COPIED policy->weight
#include "policy.h"
