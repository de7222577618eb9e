/* writes: a gradient that is added to what lay there */
#define ASSIGN +=
#include "loss.h"
