/* environment: a line on standard output at opening */
#include <stdio.h>
#define ON_ENTRY puts("hello")
#include "loss.h"
