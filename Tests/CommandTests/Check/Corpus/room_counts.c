/* pairs: a loss that grows with the room for responses */
#define MORE (double)frame->responses
#include "ranking.h"
