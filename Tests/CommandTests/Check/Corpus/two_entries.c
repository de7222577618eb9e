/* symbols: entry functions of two major versions */
#include "loss.h"
const losskit_plugin *losskit_plugin_entry_v2(void) { return &plugin; }
