#include <oneapi/dnnl/dnnl.h>

/* OpenMP's thread count, which oneDNN follows; the second is of the calling thread alone. libgomp comes with oneDNN. */
int omp_get_max_threads(void);
void omp_set_num_threads(int count);
