/* opens: a wait of more than a second at opening */
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#define ON_ENTRY struct timespec time = { 1, 100000000 }; nanosleep(&time, NULL)
#include "loss.h"
