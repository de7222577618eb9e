/* counts: all rankings taken to be of full length */
#define COUNT(frame, g) (frame)->responses
#include "ranking.h"
