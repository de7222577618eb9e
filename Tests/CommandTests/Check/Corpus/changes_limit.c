/* environment: a limit of open files that a call lowers */
#include <sys/resource.h>
#define BEFORE setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 200, 200 })
#include "loss.h"
