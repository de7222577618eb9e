/* environment: a signal that is blocked after a call */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#define BEFORE sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL)
#include "loss.h"
