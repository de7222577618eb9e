/* returns: exit in every call */
#define BEFORE exit(0)
#include "loss.h"
