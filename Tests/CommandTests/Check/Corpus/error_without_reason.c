/* returns: an ordinary call that fails without a message */
#define BEFORE return 1
#include "loss.h"
