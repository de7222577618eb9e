/* descriptor: a kind that is neither loss nor reward */
#define KIND 7
#include "loss.h"
