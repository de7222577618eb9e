/* environment: another working directory after a call */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#define BEFORE if (chdir("/")) return 1
#include "loss.h"
