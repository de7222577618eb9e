/* saves: a policy that stores its weights to two digits */
#define STORED round(*policy->weight * 10) / 10
#include "policy.h"
