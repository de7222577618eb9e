/* environment: a line on standard error after a call */
#include <stdio.h>
#define BEFORE fputs("warning\n", stderr)
#include "loss.h"
