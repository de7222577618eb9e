/* nothing: a correct policy */
#include "policy.h"
