/* nothing: a correct reward */
#include "reward.h"
