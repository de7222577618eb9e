/* symbols: an entry function of another major version */
#define NO_ENTRY 
#include "loss.h"
const losskit_plugin *losskit_plugin_entry_v2(void) { return &plugin; }
