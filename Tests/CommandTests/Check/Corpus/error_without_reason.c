/* returns: an ordinary call that fails and does not say why */
#define BEFORE return 1
#include "loss.h"
