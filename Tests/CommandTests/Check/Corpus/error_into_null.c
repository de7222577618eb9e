/* undefined: a message written to a NULL error */
#define SECOND_COLUMN { "score", "of a response", LOSSKIT_PER_RESPONSE, 0 }
#define AFTER for (size_t g = 0; g < n; g++) if (frame->inputs[1][g] < 0) { strcpy(error->message, "negative"); return 1; }
#include "loss.h"
