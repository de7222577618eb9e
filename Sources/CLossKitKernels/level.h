/* The kernels on doubles, one table per instruction set. */
#ifndef LOSSKIT_LEVEL_H
#define LOSSKIT_LEVEL_H
#include "losskit_kernels.h"

/* The locations of one block's columns and registers. */
typedef struct losskit_block {
  const double *const *inputs; /* the caller's columns, used from row `start` on; NULL if copies are used */
  const double *input_copies;  /* column i at i * stride */
  double *const *outputs;      /* likewise */
  double *output_copies;
  const double *scalars;
  double *registers; /* register i at i * stride */
  size_t stride;
  size_t start;
} losskit_block;

typedef struct losskit_level {
  size_t lanes; /* doubles in a vector */

  /* Runs the program over one block. `rows` is a multiple of `lanes`, at least `lanes`, at most the block's stride. */
  void (*evaluate)(const losskit_instruction *instructions, size_t instruction_count, const losskit_block *block,
                   size_t rows);
  size_t (*first_nonfinite)(const double *values, size_t count);
  size_t (*first_nan)(const double *values, size_t count);
  int32_t (*widen)(const void *narrow, double *wide, size_t count);
  int32_t (*widen_difference)(const void *narrow, const void *subtracted, double *wide, size_t count);
  int32_t (*narrow)(const double *wide, double factor, void *narrow, size_t count);
  double (*sum)(const double *values, size_t count);
} losskit_level;

extern const losskit_level LOSSKIT_EACH_LEVEL(losskit_level);

/* The table of a level, or of the best one if the processor lacks it. */
const losskit_level *losskit_level_for(int32_t level);

#endif
