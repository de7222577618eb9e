/* finite: infinity for a large margin, by the formula of the textbook */
#define VALUE -log(1 / (1 + exp(-beta * (c - r))))
#include "loss.h"
