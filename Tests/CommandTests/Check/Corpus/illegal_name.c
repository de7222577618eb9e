/* descriptor: a name with capitals and a space */
#define NAME "My Loss"
#include "loss.h"
