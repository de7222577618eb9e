#include "function.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

losskit_foreign_function *losskit_foreign_function_create(
    const void *address, int is_batch, uint32_t result, const losskit_foreign_argument *arguments, size_t count,
    void *user_data) {
  if (count > LOSSKIT_MOST_ARGUMENTS) return NULL;
  losskit_foreign_function *function = calloc(1, sizeof *function);
  if (!function) return NULL;
  memcpy(&function->address, &address, sizeof address);
  function->user_data = user_data;
  function->result = result;
  function->is_batch = is_batch;
  function->argument_count = count;
  for (size_t j = 0; j < count; j++) {
    function->arguments[j] = arguments[j];
    function->types[j] = arguments[j].is_pointer ? &ffi_type_pointer : losskit_ffi_type(arguments[j].type);
  }
  const ffi_status status =
      ffi_prep_cif(&function->cif, FFI_DEFAULT_ABI, (unsigned)count, losskit_ffi_type(result), function->types);
  if (status == FFI_OK) return function;
  free(function);
  return NULL;
}

void losskit_foreign_function_destroy(losskit_foreign_function *function) { free(function); }

static int fail(losskit_obstacle *obstacle, int kind, size_t row, size_t argument) {
  obstacle->kind = kind;
  obstacle->row = row;
  obstacle->argument = argument;
  return 0;
}

/* Stores an argument that is the same for every row. */
static int store_constant(
    const losskit_foreign_function *function, size_t j, const losskit_rows *rows, losskit_cell *cell) {
  const losskit_foreign_argument argument = function->arguments[j];
  switch (argument.role) {
    case LOSSKIT_GETS_PARAMETER: return losskit_store(cell, argument.type, rows->parameters[argument.index]);
    case LOSSKIT_GETS_COUNT: return losskit_store(cell, argument.type, (double)rows->count);
    case LOSSKIT_GETS_USER_DATA: cell->pointer = function->user_data; return 1;
    default: return 1;
  }
}

/* ---- scalar form ------------------------------------------------------------------------------------------------------ */

typedef struct read_place {
  const double *column;
  losskit_cell *cell;
  uint32_t type, argument;
} read_place;

typedef struct written_place {
  double *column;
  losskit_cell *cell;
  uint32_t type;
} written_place;

static int call_each(
    const losskit_foreign_function *function, const losskit_rows *rows, double *output, double *const *slopes,
    losskit_obstacle *obstacle) {
  losskit_cell cells[LOSSKIT_MOST_ARGUMENTS], result = {0};
  void *pointers[LOSSKIT_MOST_ARGUMENTS], *addresses[LOSSKIT_MOST_ARGUMENTS];
  read_place reads[LOSSKIT_MOST_ARGUMENTS];
  written_place writes[LOSSKIT_MOST_ARGUMENTS];
  size_t read_count = 0, written_count = 0;
  for (size_t j = 0; j < function->argument_count; j++) {
    const losskit_foreign_argument argument = function->arguments[j];
    pointers[j] = &cells[j];
    addresses[j] = argument.is_pointer ? (void *)&pointers[j] : (void *)&cells[j];
    if (argument.role == LOSSKIT_GETS_VALUE) {
      reads[read_count++] = (read_place){rows->columns[argument.index], &cells[j], argument.type, (uint32_t)j};
    } else if (argument.role == LOSSKIT_GETS_OUTPUT || argument.role == LOSSKIT_GETS_SLOPE) {
      double *column = argument.role == LOSSKIT_GETS_OUTPUT ? output : slopes[argument.index];
      writes[written_count++] = (written_place){column, &cells[j], argument.type};
    } else if (!store_constant(function, j, rows, &cells[j])) {
      return fail(obstacle, LOSSKIT_NOT_OF_TYPE, 0, j);
    }
  }
  ffi_cif cif = function->cif;
  for (size_t row = 0; row < rows->count; row++) {
    for (size_t i = 0; i < read_count; i++) {
      if (!losskit_store(reads[i].cell, reads[i].type, reads[i].column[row])) {
        return fail(obstacle, LOSSKIT_NOT_OF_TYPE, row, reads[i].argument);
      }
    }
    for (size_t i = 0; i < written_count; i++) losskit_store(writes[i].cell, writes[i].type, NAN);
    ffi_call(&cif, function->address, &result, addresses);
    if (function->result != LOSSKIT_C_VOID) output[row] = losskit_load(&result, function->result);
    for (size_t i = 0; i < written_count; i++) {
      writes[i].column[row] = losskit_load(writes[i].cell, writes[i].type);
    }
  }
  return 1;
}

/* ---- batch form ------------------------------------------------------------------------------------------------------- */

/* A column as an array of a type other than double; NULL if memory runs out or the type cannot hold an entry. */
static void *converted(const double *column, size_t count, uint32_t type, size_t j, losskit_obstacle *obstacle) {
  const size_t size = losskit_size_of(type);
  char *array = malloc(count * size);
  if (!array) {
    fail(obstacle, LOSSKIT_NO_MEMORY, 0, j);
    return NULL;
  }
  for (size_t row = 0; row < count; row++) {
    losskit_cell cell;
    if (!losskit_store(&cell, type, column[row])) {
      fail(obstacle, LOSSKIT_NOT_OF_TYPE, row, j);
      free(array);
      return NULL;
    }
    memcpy(array + row * size, &cell, size);
  }
  return array;
}

static void fill(double *column, size_t count) {
  for (size_t row = 0; row < count; row++) column[row] = NAN;
}

static int call_whole(
    const losskit_foreign_function *function, const losskit_rows *rows, double *output, double *const *slopes,
    losskit_obstacle *obstacle) {
  losskit_cell cells[LOSSKIT_MOST_ARGUMENTS], result;
  void *pointers[LOSSKIT_MOST_ARGUMENTS], *addresses[LOSSKIT_MOST_ARGUMENTS];
  void *owned[LOSSKIT_MOST_ARGUMENTS] = {0};
  double *targets[LOSSKIT_MOST_ARGUMENTS] = {0};
  int is_ready = 1;
  for (size_t j = 0; j < function->argument_count && is_ready; j++) {
    const losskit_foreign_argument argument = function->arguments[j];
    const int is_double = argument.type == LOSSKIT_C_DOUBLE;
    pointers[j] = &cells[j];
    addresses[j] = argument.is_pointer ? (void *)&pointers[j] : (void *)&cells[j];
    switch (argument.role) {
      case LOSSKIT_GETS_VALUE: {
        const double *column = rows->columns[argument.index];
        if (!is_double) owned[j] = converted(column, rows->count, argument.type, j, obstacle);
        pointers[j] = is_double ? (void *)column : owned[j];
        is_ready = pointers[j] != NULL;
        break;
      }
      case LOSSKIT_GETS_OUTPUT:
      case LOSSKIT_GETS_SLOPE:
        targets[j] = argument.role == LOSSKIT_GETS_OUTPUT ? output : slopes[argument.index];
        fill(targets[j], rows->count);
        if (!is_double) owned[j] = converted(targets[j], rows->count, argument.type, j, obstacle);
        pointers[j] = is_double ? (void *)targets[j] : owned[j];
        is_ready = pointers[j] != NULL;
        break;
      default:
        is_ready = store_constant(function, j, rows, &cells[j]) || fail(obstacle, LOSSKIT_NOT_OF_TYPE, 0, j);
    }
  }
  if (is_ready) {
    ffi_cif cif = function->cif;
    ffi_call(&cif, function->address, &result, addresses);
  }
  for (size_t j = 0; j < function->argument_count; j++) {
    if (is_ready && owned[j] && targets[j]) {
      const float *written = owned[j];
      for (size_t row = 0; row < rows->count; row++) targets[j][row] = written[row];
    }
    free(owned[j]);
  }
  return is_ready;
}

int losskit_call_rows(
    const losskit_foreign_function *function, const losskit_rows *rows, double *output, double *const *slopes,
    losskit_obstacle *obstacle) {
  return function->is_batch ? call_whole(function, rows, output, slopes, obstacle)
                            : call_each(function, rows, output, slopes, obstacle);
}
