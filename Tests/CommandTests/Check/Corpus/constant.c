/* influence: a value that depends on nothing */
#define VALUE 0.6931
#define SLOPE 0 * c
#include "loss.h"
