/* identity: a policy whose identity is where its weights lie */
#define DIGEST "%p", (void *)policy->weight
#include "policy.h"
