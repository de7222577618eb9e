#include "level.h"

#include <math.h>

#define LOSSKIT_LANES 2
#define LOSSKIT_LEVEL losskit_level_baseline
#define LOSSKIT_VECTOR_FUNCTION(name) _ZGVbN2v_##name
#include "template/level_template.h"
