/* creates: a policy that crashes when it is created */
#define ON_CREATE *(volatile int *)0 = 1
#include "policy.h"
