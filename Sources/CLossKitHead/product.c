#include "losskit_product.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>

enum { LEFT, RIGHT, OUTPUT, SCRATCH, MEMORY_COUNT };

struct losskit_product {
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
  dnnl_memory_t memories[MEMORY_COUNT];
  size_t scratch_size;
};

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

/* One per process, never freed, since products of any thread may use it at any time. */
static void create_engine(void) {
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

/* Each function returns whether it succeeded. The descriptor API changed in oneDNN 3. */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t description;

static int describe(description *matrix, int64_t rows, int64_t columns, dnnl_data_type_t type, int64_t row_step,
                    int64_t column_step) {
  const dnnl_dims_t sizes = {rows, columns}, steps = {row_step, column_step};
  return dnnl_memory_desc_create_with_strides(matrix, 2, sizes, type, steps) == dnnl_success;
}

static void forget(description *matrix) {
  if (*matrix) dnnl_memory_desc_destroy(*matrix);
}

static int append_sum(dnnl_post_ops_t operations) {
  return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef) == dnnl_success;
}

static int create_plan(dnnl_primitive_desc_t *plan, const description *matrices, dnnl_primitive_attr_t attributes) {
  return dnnl_matmul_primitive_desc_create(plan, engine, matrices[LEFT], matrices[RIGHT], NULL, matrices[OUTPUT],
                                           attributes) == dnnl_success;
}

static int create_memory(dnnl_memory_t *memory, const description *matrix) {
  return dnnl_memory_create(memory, *matrix, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static int create_scratch(losskit_product *product, const_dnnl_primitive_desc_t plan) {
  const const_dnnl_memory_desc_t scratch = dnnl_primitive_desc_query_md(plan, dnnl_query_scratchpad_md, 0);
  product->scratch_size = dnnl_memory_desc_get_size(scratch);
  return dnnl_memory_create(&product->memories[SCRATCH], scratch, engine, DNNL_MEMORY_NONE) == dnnl_success;
}
#else
typedef dnnl_memory_desc_t description;

static int describe(description *matrix, int64_t rows, int64_t columns, dnnl_data_type_t type, int64_t row_step,
                    int64_t column_step) {
  const dnnl_dims_t sizes = {rows, columns}, steps = {row_step, column_step};
  return dnnl_memory_desc_init_by_strides(matrix, 2, sizes, type, steps) == dnnl_success;
}

static void forget(description *matrix) { (void)matrix; }

static int append_sum(dnnl_post_ops_t operations) {
  return dnnl_post_ops_append_sum(operations, 1) == dnnl_success;
}

static int create_plan(dnnl_primitive_desc_t *plan, const description *matrices, dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t product;
  return dnnl_matmul_desc_init(&product, &matrices[LEFT], &matrices[RIGHT], NULL, &matrices[OUTPUT]) == dnnl_success &&
         dnnl_primitive_desc_create(plan, &product, attributes, engine, NULL) == dnnl_success;
}

static int create_memory(dnnl_memory_t *memory, const description *matrix) {
  return dnnl_memory_create(memory, matrix, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static int create_scratch(losskit_product *product, const_dnnl_primitive_desc_t plan) {
  const dnnl_memory_desc_t *const scratch = dnnl_primitive_desc_query_md(plan, dnnl_query_scratchpad_md, 0);
  product->scratch_size = dnnl_memory_desc_get_size(scratch);
  return dnnl_memory_create(&product->memories[SCRATCH], scratch, engine, DNNL_MEMORY_NONE) == dnnl_success;
}
#endif

/* The caller provides the scratch memory, so that products do not allocate. */
static int set_attributes(dnnl_primitive_attr_t attributes, dnnl_post_ops_t operations, int is_adding) {
  if (dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) != dnnl_success) return 0;
  if (!is_adding) return 1;
  return append_sum(operations) && dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success;
}

static int plan_for(dnnl_primitive_desc_t *plan, const description *matrices, int is_adding) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t operations = NULL;
  const int done = dnnl_primitive_attr_create(&attributes) == dnnl_success &&
                   dnnl_post_ops_create(&operations) == dnnl_success &&
                   set_attributes(attributes, operations, is_adding) && create_plan(plan, matrices, attributes);
  if (operations) dnnl_post_ops_destroy(operations);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return done;
}

static int create(losskit_product *product, const description *matrices, int is_adding) {
  dnnl_primitive_desc_t plan = NULL;
  if (!plan_for(&plan, matrices, is_adding)) return 0;
  int done = dnnl_primitive_create(&product->primitive, plan) == dnnl_success &&
             dnnl_stream_create(&product->stream, engine, dnnl_stream_default_flags) == dnnl_success &&
             create_scratch(product, plan);
  for (int index = LEFT; index <= OUTPUT; index++)
    done = done && create_memory(&product->memories[index], &matrices[index]);
  dnnl_primitive_desc_destroy(plan);
  return done;
}

losskit_product *losskit_product_create(const losskit_product_shape *shape) {
  pthread_once(&engine_once, create_engine);
  losskit_product *const product = engine ? calloc(1, sizeof *product) : NULL;
  if (!product) return NULL;
  description matrices[OUTPUT + 1] = {0};
  const int done =
      describe(&matrices[LEFT], shape->rows, shape->inner, dnnl_bf16, shape->left_row_step, shape->left_column_step) &&
      describe(&matrices[RIGHT], shape->inner, shape->columns, dnnl_bf16, shape->right_row_step,
               shape->right_column_step) &&
      describe(&matrices[OUTPUT], shape->rows, shape->columns, dnnl_f32, shape->output_row_step, 1) &&
      create(product, matrices, shape->is_adding);
  for (int index = LEFT; index <= OUTPUT; index++) forget(&matrices[index]);
  if (done) return product;
  losskit_product_destroy(product);
  return NULL;
}

void losskit_product_destroy(losskit_product *product) {
  for (int index = 0; index < MEMORY_COUNT; index++)
    if (product->memories[index]) dnnl_memory_destroy(product->memories[index]);
  if (product->stream) dnnl_stream_destroy(product->stream);
  if (product->primitive) dnnl_primitive_destroy(product->primitive);
  free(product);
}

size_t losskit_product_scratch_size(const losskit_product *product) { return product->scratch_size; }

int32_t losskit_product_run(losskit_product *product, const uint16_t *left, const uint16_t *right, float *output,
                            void *scratch) {
  void *const places[] = {(void *)left, (void *)right, output, scratch};
  const int names[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
  dnnl_exec_arg_t arguments[MEMORY_COUNT];
  for (int index = 0; index < MEMORY_COUNT; index++) {
    const dnnl_status_t status = dnnl_memory_set_data_handle(product->memories[index], places[index]);
    if (status != dnnl_success) return status;
    arguments[index] = (dnnl_exec_arg_t){names[index], product->memories[index]};
  }
  const dnnl_status_t status = dnnl_primitive_execute(product->primitive, product->stream, MEMORY_COUNT, arguments);
  return status == dnnl_success ? dnnl_stream_wait(product->stream) : status;
}
