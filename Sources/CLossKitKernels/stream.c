#include "level.h"

#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Each returns whether a number is not finite. */

static int32_t is_packed(const losskit_host_column *column) {
  return column->stride == (ptrdiff_t)(column->is_float ? sizeof(float) : sizeof(double));
}

static const char *address(const losskit_host_column *column, size_t row) {
  return (const char *)column->data + (ptrdiff_t)row * column->stride;
}

static int32_t read_column(const losskit_level *level, const losskit_host_column *column, size_t first, double *copy,
                           size_t rows) {
  const char *from = address(column, first);
  if (column->is_float && is_packed(column)) return level->widen(from, copy, rows);
  if (is_packed(column)) {
    memcpy(copy, from, rows * sizeof *copy);
  } else {
    for (size_t row = 0; row < rows; row++, from += column->stride) {
      float narrow;
      if (column->is_float) {
        memcpy(&narrow, from, sizeof narrow);
        copy[row] = narrow;
      } else {
        memcpy(&copy[row], from, sizeof copy[row]);
      }
    }
  }
  return level->first_nonfinite(copy, rows) < rows;
}

static int32_t read_input(const losskit_level *level, const losskit_host_input *input, size_t first, double *copy,
                          size_t rows) {
  const losskit_host_column *const values = &input->values, *const subtracted = &input->subtracted;
  if (!subtracted->data) return read_column(level, values, first, copy, rows);
  if (values->is_float && subtracted->is_float && is_packed(values) && is_packed(subtracted))
    return level->widen_difference(address(values, first), address(subtracted, first), copy, rows);
  double other[LOSSKIT_BLOCK_ROWS];
  if (read_column(level, values, first, copy, rows) || read_column(level, subtracted, first, other, rows)) return 1;
  for (size_t row = 0; row < rows; row++) copy[row] -= other[row];
  return level->first_nonfinite(copy, rows) < rows;
}

static int32_t write_column(const losskit_level *level, const losskit_host_column *column, size_t first,
                            const double *copy, size_t rows) {
  if (!column->data) return level->first_nonfinite(copy, rows) < rows;
  char *to = (char *)column->data + (ptrdiff_t)first * column->stride;
  if (column->is_float && is_packed(column)) return level->narrow(copy, column->factor, to, rows);
  int32_t found = 0;
  for (size_t row = 0; row < rows; row++, to += column->stride) {
    const double wide = copy[row] * column->factor;
    const float narrow = (float)wide;
    found |= column->is_float ? narrow - narrow != 0 : wide - wide != 0;
    memcpy(to, column->is_float ? (const void *)&narrow : &wide, column->is_float ? sizeof narrow : sizeof wide);
  }
  return found;
}

int32_t losskit_run_streamed(const losskit_instruction *instructions, size_t instruction_count, size_t registers,
                             const losskit_host_input *inputs, size_t input_count, const double *scalars,
                             const losskit_host_column *outputs, size_t output_count, double *scratch, size_t first,
                             size_t last, int32_t level, size_t summed, double *sum) {
  const losskit_level *const evaluator = losskit_level_for(level);
  const size_t stride = LOSSKIT_BLOCK_ROWS;
  losskit_block block = {.scalars = scalars, .stride = stride, .registers = losskit_align(scratch)};
  double *const input_copies = block.registers + registers * stride;
  double *const output_copies = input_copies + input_count * stride;
  block.input_copies = input_copies;
  block.output_copies = output_copies;
  *sum = 0;
  for (size_t start = first; start < last; start += stride) {
    const size_t rows = smaller(stride, last - start);
    const size_t padded_rows = (rows + evaluator->lanes - 1) / evaluator->lanes * evaluator->lanes;
    for (size_t column = 0; column < input_count; column++) {
      double *const copy = input_copies + column * stride;
      if (read_input(evaluator, &inputs[column], start, copy, rows)) return 1;
      for (size_t row = rows; row < padded_rows; row++) copy[row] = copy[rows - 1];
    }
    evaluator->evaluate(instructions, instruction_count, &block, padded_rows);
    for (size_t column = 0; column < output_count; column++) {
      /* Of the numbers that are only summed, the sum tells. */
      if (column == summed && !outputs[column].data) continue;
      if (write_column(evaluator, &outputs[column], start, output_copies + column * stride, rows)) return 1;
    }
    *sum += evaluator->sum(output_copies + summed * stride, rows);
    if (*sum - *sum != 0) return 1;
  }
  return 0;
}
