/* memory: 40 bytes that each call leaks */
#define BEFORE void *volatile kept = malloc(40); (void)kept
#include "loss.h"
