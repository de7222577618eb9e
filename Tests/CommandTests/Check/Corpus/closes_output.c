/* environment: standard output closed after a call */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#define BEFORE close(1)
#include "loss.h"
