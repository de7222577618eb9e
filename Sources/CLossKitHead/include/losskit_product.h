/* Products of bfloat16 matrices with sums in float, by oneDNN's matmul primitive. */
#ifndef LOSSKIT_PRODUCT_H
#define LOSSKIT_PRODUCT_H
#include <stddef.h>
#include <stdint.h>

/* output [rows, columns] = left [rows, inner] · right [inner, columns], or output += the product. Steps between adjacent
 * elements are in elements; for each factor, one of the two steps is 1. */
typedef struct losskit_product_shape {
  int64_t rows, columns, inner;
  int64_t left_row_step, left_column_step, right_row_step, right_column_step, output_row_step;
  int32_t is_adding;
} losskit_product_shape;

/* A product compiled for one shape and the calling thread's number of OpenMP threads. */
typedef struct losskit_product losskit_product;

/* Returns NULL if oneDNN does not support the product on this processor. */
losskit_product *losskit_product_create(const losskit_product_shape *shape);
void losskit_product_destroy(losskit_product *product);

/* The size in bytes of the scratch memory of `losskit_product_run`. */
size_t losskit_product_scratch_size(const losskit_product *product);

/* Multiplies. `scratch` must be aligned to 64 bytes. Returns oneDNN's status, 0 for success. Not reentrant. */
int32_t losskit_product_run(losskit_product *product, const uint16_t *left, const uint16_t *right, float *output,
                            void *scratch);

#endif
