/* descriptor: a named objective that does not parse */
#include <losskit_plugin.h>
static const losskit_objective objective = { "whole", "1", "An objective to be tested.", NULL, NULL, "subject(beta=" };
static const losskit_objective *const objectives[] = { &objective };
#define OBJECTIVE_COUNT 1
#define OBJECTIVES objectives
#include "loss.h"
