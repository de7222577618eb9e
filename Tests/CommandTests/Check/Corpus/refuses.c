/* opens: an entry function that returns NULL */
#define ON_ENTRY return NULL
#include "loss.h"
