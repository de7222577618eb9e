/* pairs: a loss that grows with the space for responses */
#define MORE (double)frame->responses
#include "ranking.h"
