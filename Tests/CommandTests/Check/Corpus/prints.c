/* environment: a line on standard output after a call */
#include <stdio.h>
#define BEFORE printf("value\n")
#include "loss.h"
