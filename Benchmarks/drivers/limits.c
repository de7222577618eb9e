/* The machine's limits: the bandwidth of its memory, and the rate of matrix products by oneDNN.
 *
 *   case copy|triad BYTES THREADS    of each array
 *   case sgemm|bfloat16 SIZE         square matrices, on as many threads as OMP_NUM_THREADS says */
#include "inputs.h"
#include "worker.h"

#include <losskit_product.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>

enum { MOST_THREADS = 256 };

static float *a, *b, *c;
static size_t elements;
static int threads;
static void (*part)(size_t first, size_t end);

static void copy_part(size_t first, size_t end) { memcpy(a + first, b + first, (end - first) * sizeof *a); }

static void triad_part(size_t first, size_t end) {
  float *restrict const target = a;
  for (size_t i = first; i < end; i++) target[i] = b[i] + 3.0f * c[i];
}

static void *run_part(void *context) {
  const size_t index = (size_t)(uintptr_t)context, count = (size_t)threads;
  part(elements * index / count, elements * (index + 1) / count);
  return NULL;
}

static void move(void) {
  pthread_t started[MOST_THREADS];
  for (int i = 1; i < threads; i++)
    if (pthread_create(&started[i], NULL, run_part, (void *)(uintptr_t)i) != 0)
      stop("limits", "no thread could be started; measure with fewer");
  run_part(NULL);
  for (int i = 1; i < threads; i++) pthread_join(started[i], NULL);
}

static void multiply(void) {
  const dnnl_dim_t n = (dnnl_dim_t)elements;
  if (dnnl_sgemm('N', 'N', n, n, n, 1, b, n, c, n, 0, a, n) != dnnl_success) stop("oneDNN", "sgemm failed; install another version");
}

static losskit_product *product;
static void *scratch;

static void make_product(void) {
  const int64_t n = (int64_t)elements;
  product = losskit_product_create(&(losskit_product_shape){
      .rows = n, .columns = n, .inner = n, .left_row_step = n, .left_column_step = 1, .right_row_step = n,
      .right_column_step = 1, .output_row_step = n});
  if (!product) stop("oneDNN", "there are no products of bfloat16 on this processor");
  scratch = memory(losskit_product_scratch_size(product) + 64);
}

/* The factors are 0, whose bits are those of a float 0; the time does not depend on values. */
static void multiply_rounded(void) {
  if (losskit_product_run(product, (const uint16_t *)b, (const uint16_t *)c, a, scratch) != 0)
    stop("oneDNN", "a product of bfloat16 failed; install another version");
}

static worker this_worker;

static void prepare(char **words, int count) {
  if (count < 2) stop("limits", "a case is copy|triad BYTES THREADS or sgemm|bfloat16 SIZE");
  const int rounded = strcmp(words[0], "bfloat16") == 0, moves = !rounded && strcmp(words[0], "sgemm") != 0;
  elements = size_of(words[1]) / (moves ? sizeof *a : 1);
  threads = count > 2 ? (int)size_of(words[2]) : 1;
  if (threads > MOST_THREADS) stop("limits", "at most 256 threads can be measured");
  const size_t size = moves ? elements : elements * elements;
  free(a), free(b), free(c);
  a = memory(size * sizeof *a), b = memory(size * sizeof *b), c = memory(size * sizeof *c);
  memset(a, 0, size * sizeof *a);
  for (size_t i = 0; i < size; i++) b[i] = c[i] = rounded ? 0 : uniform((uint32_t)i, 7, -1, 2);
  part = strcmp(words[0], "copy") == 0 ? copy_part : triad_part;
  this_worker.call = moves ? move : rounded ? multiply_rounded : multiply;
  if (rounded) make_product();
}

static void write_results(FILE *file) {
  const double first = a[0];
  fwrite(&first, sizeof first, 1, file);
}

int main(void) {
  this_worker = (worker){.prepare = prepare, .write = write_results};
  return serve(&this_worker);
}
