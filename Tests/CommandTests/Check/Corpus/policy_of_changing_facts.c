/* identity: a policy that states a fact which differs between equal instances */
#define FACT "%p", (void *)policy
#include "policy.h"
