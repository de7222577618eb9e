/* Products of bfloat16 matrices, summed up in float, by oneDNN's matmul primitive. */
#ifndef LOSSKIT_PRODUCT_H
#define LOSSKIT_PRODUCT_H
#include <stddef.h>
#include <stdint.h>

/* output [rows, columns] = left [rows, inner] · right [inner, columns], or that added to it. Steps between neighbours are
 * counted in elements; of the factors one of the two steps is 1. */
typedef struct losskit_product_shape {
  int64_t rows, columns, inner;
  int64_t left_row_step, left_column_step, right_row_step, right_column_step, output_row_step;
  int32_t is_adding;
} losskit_product_shape;

/* A product that was made ready for one shape and the calling thread's number of OpenMP threads. */
typedef struct losskit_product losskit_product;

/* NULL where oneDNN cannot do it on this processor. */
losskit_product *losskit_product_create(const losskit_product_shape *shape);
void losskit_product_destroy(losskit_product *product);

/* The bytes that `losskit_product_run` needs beside the matrices. */
size_t losskit_product_scratch_size(const losskit_product *product);

/* Multiplies. `scratch` is aligned to 64 bytes. Returns oneDNN's status, 0 for success. One call at a time. */
int32_t losskit_product_run(losskit_product *product, const uint16_t *left, const uint16_t *right, float *output,
                            void *scratch);

#endif
