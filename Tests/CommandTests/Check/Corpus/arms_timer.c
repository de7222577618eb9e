/* environment: a timer of processor time that still runs after a call */
#include <sys/time.h>
#define BEFORE setitimer(ITIMER_VIRTUAL, &(struct itimerval){ { 0, 0 }, { 3600, 0 } }, NULL)
#include "loss.h"
