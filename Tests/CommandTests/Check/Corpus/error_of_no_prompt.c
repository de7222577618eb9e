/* undefined: an error that names a prompt outside the batch */
#define SECOND_COLUMN { "score", "of a response", LOSSKIT_PER_RESPONSE, 0 }
#define AFTER for (size_t g = 0; g < n; g++) if (frame->inputs[1][g] < 0) { if (error) { strcpy(error->message, "negative"); error->prompt = 1000; } return 1; }
#include "loss.h"
