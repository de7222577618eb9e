/* identity: a policy whose identity is the address of its weights */
#define DIGEST "%p", (void *)policy->weight
#include "policy.h"
