/* pure: scratch memory that all calls share */
#include <sched.h>
#define BEFORE static double scratch[4096]; for (size_t i = 0; i < 2 * n && i < 4096; i++) scratch[i] = rewards[i]; sched_yield()
#define VALUE softplus(-beta * (scratch[g % 4096] - scratch[(n + g) % 4096]))
#include "loss.h"
