/* descriptor: a minimum of responses above the maximum */
#define RESPONSES 4, 2
#include "loss.h"
