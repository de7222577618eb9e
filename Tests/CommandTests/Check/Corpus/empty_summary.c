/* descriptor: a summary that says nothing */
#define SUMMARY ""
#include "loss.h"
