/* counts: rewards that are not 0 beyond the end of a ranking */
#define BEYOND -1
#include "reward.h"
