/* returns: abort in every call */
#define BEFORE abort()
#include "loss.h"
