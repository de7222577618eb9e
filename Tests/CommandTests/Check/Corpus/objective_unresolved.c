/* resolves: a named objective with an unknown loss */
#include <losskit_plugin.h>
static const losskit_objective objective = { "whole", "1", "An objective to be tested.", NULL, NULL, "subject + 0.5*no-such-loss" };
static const losskit_objective *const objectives[] = { &objective };
#define OBJECTIVE_COUNT 1
#define OBJECTIVES objectives
#include "loss.h"
