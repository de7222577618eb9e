/* identity: a policy whose identity stays the same when it is trained */
#define DIGEST "subject"
#include "policy.h"
