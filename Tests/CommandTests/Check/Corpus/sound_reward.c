/* nothing: a reward without fault */
#include "reward.h"
