/* writes: a column that is set to 0 after reading */
#define AFTER if (n) ((double *)rewards)[0] = 0
#include "loss.h"
