/* repeatable: random numbers from the process */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#define VALUE softplus(-beta * (c - r)) + (double)getpid() * 1e-6
#include "loss.h"
