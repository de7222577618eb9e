/* writes: a gradient that is added to the previous contents */
#define ASSIGN +=
#include "loss.h"
