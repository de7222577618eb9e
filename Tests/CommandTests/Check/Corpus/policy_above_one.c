/* forward: a policy with probabilities above 1 */
#define VALUE 0.5
#include "policy.h"
