/* descriptor: two losses of the same name */
#define COMPONENTS &subject, &subject
#include "loss.h"
