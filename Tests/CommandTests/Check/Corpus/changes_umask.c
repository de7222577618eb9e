/* environment: another mask of permissions after a call */
#define _POSIX_C_SOURCE 200809L
#include <sys/stat.h>
#define BEFORE umask(077)
#include "loss.h"
