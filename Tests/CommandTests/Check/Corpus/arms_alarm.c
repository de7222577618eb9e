/* environment: an alarm that comes an hour after a call */
#include <unistd.h>
#define BEFORE alarm(3600)
#include "loss.h"
