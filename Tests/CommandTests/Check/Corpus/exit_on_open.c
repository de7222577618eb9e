/* opens: exit with status 0 while it is opened */
#include "loss.h"

__attribute__((constructor)) static void on_open(void) { exit(0); }
