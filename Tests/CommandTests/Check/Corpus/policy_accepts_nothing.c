/* creates: a policy that takes an empty response */
#define EMPTY 0
#include "policy.h"
