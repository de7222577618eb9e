/* finite: infinity for a large margin, by the textbook formula */
#define VALUE -log(1 / (1 + exp(-beta * (c - r))))
#include "loss.h"
