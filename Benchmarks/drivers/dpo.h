/* DPO from log-probabilities of sequences to their gradient, by liblosskit. */
#ifndef BENCHMARK_DPO_H
#define BENCHMARK_DPO_H
#include <stddef.h>

/* sums, gradient: arrays of `pairs` chosen and then as many rejected sequences, which stay in use. Reference log-probabilities are 0. */
void dpo_open(const char *objective, double *sums, double *gradient, size_t pairs);

/* Writes the gradient; returns the mean loss. */
double dpo_evaluate(void);
#endif
