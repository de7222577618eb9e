/* descriptor: more responses at least than at most */
#define RESPONSES 4, 2
#include "loss.h"
