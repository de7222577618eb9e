/* DPO between log-probabilities of sequences and their gradient, by liblosskit. */
#ifndef BENCHMARK_DPO_H
#define BENCHMARK_DPO_H
#include <stddef.h>

/* sums, gradient: of `pairs` chosen and then as many rejected sequences; they are kept. Reference log-probabilities are 0. */
void dpo_open(const char *objective, double *sums, double *gradient, size_t pairs);

/* Writes the gradient; returns the mean loss. */
double dpo_evaluate(void);
#endif
