/* descriptor: a flag that this version does not know */
#define FLAGS LOSSKIT_ROWWISE | 0x4000
#include "loss.h"
