/* exit: another exit status when the process ends */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <unistd.h>
static void fail(void) { _exit(3); }
#define ON_ENTRY atexit(fail)
#include "loss.h"
