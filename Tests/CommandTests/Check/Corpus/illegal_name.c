/* descriptor: a name with capitals and a blank */
#define NAME "My Loss"
#include "loss.h"
