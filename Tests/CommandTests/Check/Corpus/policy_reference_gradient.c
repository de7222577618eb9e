/* references: a policy whose gradient away from a reference has the wrong sign */
#define DISTANCE_SLOPE -2
#include "policy.h"
