/* descriptor: an empty summary */
#define SUMMARY ""
#include "loss.h"
