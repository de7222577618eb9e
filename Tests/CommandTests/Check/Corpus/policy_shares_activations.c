/* activations: a policy that keeps activations where other instances overwrite them */
static double kept[64];
#define KEEP kept[i % 64] = (double)(texts->response[i].length + 1)
#define LENGTH kept[i % 64]
#include "policy.h"
