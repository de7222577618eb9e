/* formula: a formula with an operand that is not a node */
#define FORMULA { LOSSKIT_OP_INPUT, 0, 0, 0, 0 }, { LOSSKIT_OP_INPUT, 0, 1, 0, 0 }, { LOSSKIT_OP_SUBTRACT, 0, 1, 0, 0 }, \
  { LOSSKIT_OP_PARAMETER, 0, 0, 0, 0 }, { LOSSKIT_OP_MULTIPLY, 2, 3, 0, 0 }, { LOSSKIT_OP_LOG_SIGMOID, 4, 0, 0, 0 }, \
  { LOSSKIT_OP_NEGATE, 99, 0, 0, 0 }
#include "loss.h"
