/* empty: a crash for a batch without prompts */
#define BEFORE volatile size_t share = 100 / n; (void)share
#include "loss.h"
