/* descriptor: no function compute */
#define COMPUTE NULL
#include "loss.h"
