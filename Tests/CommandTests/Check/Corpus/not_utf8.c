/* descriptor: a summary that is not UTF-8 */
#define SUMMARY "caf\xE9"
#include "loss.h"
