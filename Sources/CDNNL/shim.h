#include <oneapi/dnnl/dnnl.h>

/* OpenMP's thread count, which oneDNN follows; the second is of the calling thread alone. libgomp comes with oneDNN. */
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

/* The threads of a parallel region: what the compiler's `#pragma omp parallel` calls, and who is asking. */
void GOMP_parallel(void (*work)(void *), void *context, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
