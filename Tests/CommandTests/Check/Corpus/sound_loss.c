/* nothing: a correct loss, with its formula */
#define FORMULA { LOSSKIT_OP_INPUT, 0, 0, 0, 0 }, { LOSSKIT_OP_INPUT, 0, 1, 0, 0 }, { LOSSKIT_OP_SUBTRACT, 0, 1, 0, 0 }, \
  { LOSSKIT_OP_PARAMETER, 0, 0, 0, 0 }, { LOSSKIT_OP_MULTIPLY, 2, 3, 0, 0 }, { LOSSKIT_OP_LOG_SIGMOID, 4, 0, 0, 0 }, \
  { LOSSKIT_OP_NEGATE, 5, 0, 0, 0 }
#include "loss.h"
