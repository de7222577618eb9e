/* undefined: a message that is written where the caller takes none */
#define SECOND_COLUMN { "score", "of a response", LOSSKIT_PER_RESPONSE, 0 }
#define AFTER for (size_t g = 0; g < n; g++) if (frame->inputs[1][g] < 0) { strcpy(error->message, "negative"); return 1; }
#include "loss.h"
