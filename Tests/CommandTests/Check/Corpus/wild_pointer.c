/* descriptor: a name that is an invalid pointer */
#define NAME (const char *)16
#include "loss.h"
