/* nothing: a loss of rankings without fault */
#include "ranking.h"
