/* losskit_foreign.h: plain functions as components, by libffi. Internal to LossKit's runtime.
 *
 * A function is called once per row (scalar form) or once for all rows (batch form). Rows are the prompts of a loss and the
 * responses of a reward. The arguments are bound when the function is prepared, so that a call looks up and allocates nothing
 * per row. */
#ifndef LOSSKIT_FOREIGN_H
#define LOSSKIT_FOREIGN_H
#include <losskit_plugin.h>
#include <stddef.h>
#include <stdint.h>

/* Types of arguments and results. */
enum {
  LOSSKIT_C_VOID = 0, LOSSKIT_C_DOUBLE = 1, LOSSKIT_C_FLOAT = 2, LOSSKIT_C_INT32 = 3, LOSSKIT_C_INT64 = 4,
  LOSSKIT_C_SIZE = 5, LOSSKIT_C_POINTER = 6
};

/* What an argument gets: value `index` of the row; hyperparameter `index`; the number of rows; a pointer for the output; a
 * pointer for the derivative by value `index`; the user data passed with the function. */
enum {
  LOSSKIT_GETS_VALUE = 0, LOSSKIT_GETS_PARAMETER = 1, LOSSKIT_GETS_COUNT = 2, LOSSKIT_GETS_OUTPUT = 3,
  LOSSKIT_GETS_SLOPE = 4, LOSSKIT_GETS_USER_DATA = 5
};

enum { LOSSKIT_MOST_ARGUMENTS = 64 };

typedef struct losskit_foreign_argument {
  uint32_t role, index, type;
  uint32_t is_pointer; /* a pointer to one `type`, or in batch form to one per row */
} losskit_foreign_argument;

/* A function that is ready to be called. Calls only read it, so any number of threads may use it at once. */
typedef struct losskit_foreign_function losskit_foreign_function;

/* Returns NULL if libffi cannot call such a function, or memory runs out. `arguments` is copied. */
losskit_foreign_function *losskit_foreign_function_create(
    const void *address, int is_batch, uint32_t result, const losskit_foreign_argument *arguments, size_t count,
    void *user_data);
void losskit_foreign_function_destroy(losskit_foreign_function *function);

/* One number of a row: an entry of a column, or the difference of two columns. */
typedef struct losskit_foreign_value {
  const char *name;         /* as in the prototype */
  uint32_t input, rank;     /* a loss reads response `rank`; a reward's rows are the responses */
  uint32_t subtracted;      /* the input that is subtracted; UINT32_MAX: none */
  uint32_t is_differentiable;
  uint32_t is_single;       /* passed in single precision, and so are its differences */
  double step;              /* of central differences, relative to max(1, |x|) */
} losskit_foreign_value;

/* The context of a component whose compute is losskit_foreign_compute. */
typedef struct losskit_foreign_plan {
  const char *name;                          /* of the function, for messages */
  const losskit_foreign_function *function;
  const losskit_foreign_function *gradient;  /* NULL: central differences */
  const losskit_foreign_value *values;
  size_t value_count;
} losskit_foreign_plan;

/* Implements losskit_component.compute. */
int32_t losskit_foreign_compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error);

/* The file that the loader took a function's code from, by the loader's name for it, and the function's offset from its start in
 * memory. NULL for code generated at run time. */
const char *losskit_code_file(const void *function, size_t *offset);

/* Whether an open file or directory has a POSIX access control list beside its permissions. */
int losskit_has_access_list(int descriptor);

#endif
