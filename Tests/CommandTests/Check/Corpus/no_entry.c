/* symbols: no entry function */
#define NO_ENTRY 
#include "loss.h"
const losskit_plugin *unused(void) { return &plugin; }
