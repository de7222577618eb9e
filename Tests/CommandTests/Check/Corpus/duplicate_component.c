/* descriptor: two losses of one name */
#define COMPONENTS &subject, &subject
#include "loss.h"
