/* nothing: a policy without fault */
#include "policy.h"
