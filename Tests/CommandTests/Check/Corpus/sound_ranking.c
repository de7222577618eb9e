/* nothing: a correct loss of rankings */
#include "ranking.h"
