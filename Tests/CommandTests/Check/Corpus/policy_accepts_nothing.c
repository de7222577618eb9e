/* creates: a policy that accepts an empty response */
#define EMPTY 0
#include "policy.h"
