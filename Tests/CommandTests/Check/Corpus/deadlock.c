/* returns: a call that waits forever */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#define BEFORE pause()
#include "loss.h"
