/* environment: an environment variable after a call */
#define _POSIX_C_SOURCE 200809L
#define BEFORE setenv("OMP_NUM_THREADS", "1", 1)
#include "loss.h"
