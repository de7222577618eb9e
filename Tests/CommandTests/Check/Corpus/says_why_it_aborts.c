/* opens: a library that prints a reason and aborts */
#include <stdio.h>
__attribute__((constructor)) static void give_up(void) {
  fputs("no license was found\n", stderr);
  __builtin_trap();
}
#include "loss.h"
