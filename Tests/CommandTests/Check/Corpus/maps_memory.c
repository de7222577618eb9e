/* memory: a page that each call maps and keeps */
#define _GNU_SOURCE
#include <sys/mman.h>
#define BEFORE (void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
#include "loss.h"
