/* environment: a timer that each call creates and keeps */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <time.h>
#define BEFORE timer_t timer; timer_create(CLOCK_MONOTONIC, &(struct sigevent){ .sigev_notify = SIGEV_NONE }, &timer)
#include "loss.h"
