/* A prepared function and its calls over rows. */
#ifndef LOSSKIT_FOREIGN_FUNCTION_H
#define LOSSKIT_FOREIGN_FUNCTION_H
#include "types.h"

struct losskit_foreign_function {
  ffi_cif cif;
  void (*address)(void);
  void *user_data;
  uint32_t result;
  int is_batch;
  size_t argument_count;
  losskit_foreign_argument arguments[LOSSKIT_MOST_ARGUMENTS];
  ffi_type *types[LOSSKIT_MOST_ARGUMENTS];
};

/* The rows of a call. */
typedef struct losskit_rows {
  size_t count;
  const double *const *columns;  /* [values of the plan][count] */
  const double *parameters;
} losskit_rows;

/* Why a function could not be called. */
typedef struct losskit_obstacle {
  enum { LOSSKIT_NO_OBSTACLE, LOSSKIT_NOT_OF_TYPE, LOSSKIT_NO_MEMORY } kind;
  size_t row, argument;
} losskit_obstacle;

/* Calls a function for all rows. Writes `output` [count] and `slopes` [values of the plan][count]; entries that the function
 * leaves unwritten are NaN. Returns 0 if it could not be called for every row. */
int losskit_call_rows(
    const losskit_foreign_function *function, const losskit_rows *rows, double *output, double *const *slopes,
    losskit_obstacle *obstacle);

#endif
