/* environment: a signal handler that is installed at opening */
#include <signal.h>
#define ON_ENTRY signal(SIGFPE, SIG_IGN)
#include "loss.h"
