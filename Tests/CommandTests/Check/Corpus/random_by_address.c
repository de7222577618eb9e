/* seed: random numbers from the address of a column */
#define VALUE softplus(-beta * (c - r)) + (double)((uintptr_t)rewards / 8 % 61)
#include "loss.h"
