/* returns: a call that waits for ever */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#define BEFORE pause()
#include "loss.h"
