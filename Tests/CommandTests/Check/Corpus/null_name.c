/* descriptor: a name that is NULL */
#define NAME NULL
#include "loss.h"
