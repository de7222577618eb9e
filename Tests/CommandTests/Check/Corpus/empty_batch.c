/* empty: a crash when there is no prompt */
#define BEFORE volatile size_t share = 100 / n; (void)share
#include "loss.h"
