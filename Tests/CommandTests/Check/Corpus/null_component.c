/* descriptor: an array of components with a hole */
#define COMPONENTS &subject, NULL
#include "loss.h"
