/* environment: an alarm an hour after a call */
#include <unistd.h>
#define BEFORE alarm(3600)
#include "loss.h"
