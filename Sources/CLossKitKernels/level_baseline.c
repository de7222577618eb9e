#include "level.h"

#define LOSSKIT_LEVEL 1
#include "template/level_template.h"
