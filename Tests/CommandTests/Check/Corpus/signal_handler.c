/* environment: a signal handler after a call */
#include <signal.h>
#define BEFORE signal(SIGUSR1, SIG_IGN)
#include "loss.h"
