/* counts: gradients that are not set to 0 beyond the end of a ranking */
#define BEYOND(gradient) gradient = 1
#include "ranking.h"
