#include "level.h"

#include <string.h>

/* Doubles in the widest vector and in a cache line: registers begin at a multiple of these. */
enum { ALIGNMENT = 8 };

static size_t round_up(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

double *losskit_align(double *address) {
  const uintptr_t bytes = ALIGNMENT * sizeof(double);
  return (double *)(((uintptr_t)address + bytes - 1) / bytes * bytes);
}

/* Copies the rows of each column that the last block has, and repeats its last row up to whole vectors. */
static void copy_inputs(const double *const *inputs, size_t input_count, size_t start, size_t rows, size_t padded_rows,
                        double *copies, size_t stride) {
  for (size_t column = 0; column < input_count; column++) {
    double *const copy = copies + column * stride;
    memcpy(copy, inputs[column] + start, rows * sizeof(double));
    for (size_t row = rows; row < padded_rows; row++) copy[row] = copy[rows - 1];
  }
}

size_t losskit_scratch_size(size_t registers, size_t inputs, size_t outputs) {
  return (registers + inputs + outputs) * LOSSKIT_BLOCK_ROWS + ALIGNMENT;
}

void losskit_run(const losskit_instruction *instructions, size_t instruction_count, size_t registers,
                 const double *const *inputs, size_t input_count, const double *scalars, double *const *outputs,
                 size_t output_count, double *scratch, size_t rows, int32_t level) {
  const losskit_level *const evaluator = losskit_level_for(level);
  /* Few rows lie close together: a small batch then touches few cache lines. */
  const size_t stride = rows < LOSSKIT_BLOCK_ROWS ? round_up(rows, ALIGNMENT) : LOSSKIT_BLOCK_ROWS;
  losskit_block block = {.inputs = inputs, .outputs = outputs, .scalars = scalars, .stride = stride};
  block.registers = losskit_align(scratch);

  for (; block.start + LOSSKIT_BLOCK_ROWS <= rows; block.start += LOSSKIT_BLOCK_ROWS)
    evaluator->evaluate(instructions, instruction_count, &block, LOSSKIT_BLOCK_ROWS);

  const size_t rest = rows - block.start;
  if (rest == 0) return;
  const size_t padded_rest = round_up(rest, evaluator->lanes);
  if (padded_rest == rest) {
    evaluator->evaluate(instructions, instruction_count, &block, rest);
    return;
  }
  double *const input_copies = block.registers + registers * stride;
  double *const output_copies = input_copies + input_count * stride;
  copy_inputs(inputs, input_count, block.start, rest, padded_rest, input_copies, stride);
  block.inputs = NULL;
  block.input_copies = input_copies;
  block.outputs = NULL;
  block.output_copies = output_copies;
  evaluator->evaluate(instructions, instruction_count, &block, padded_rest);
  for (size_t column = 0; column < output_count; column++)
    memcpy(outputs[column] + block.start, output_copies + column * stride, rest * sizeof(double));
}
