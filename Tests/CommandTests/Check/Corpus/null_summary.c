/* descriptor: a summary that is NULL */
#define SUMMARY NULL
#include "loss.h"
