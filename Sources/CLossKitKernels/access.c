#include "access.h"

#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static int is_packed(const losskit_host_column *column) {
  return column->stride == (ptrdiff_t)(column->is_float ? sizeof(float) : sizeof(double));
}

/* Rows at equal distances: all prompts of a block in order, the tokens of one response, or the ranks of one prompt. */
typedef struct run_of_rows {
  char *data;
  ptrdiff_t stride;
  size_t count;
} run_of_rows;

/* The entry of a column of the block's prompt, or of its first response. */
static size_t first_entry(const losskit_segments *s, const losskit_host_column *column, size_t prompt) {
  const size_t place = losskit_prompt_place(s, prompt);
  return column->is_ragged ? s->rows->starts[place] : place;
}

/* The rows from `row` on, at most `limit`, that lie at equal distances in the host's column. */
static run_of_rows next_rows(const losskit_segments *s, uint32_t extent, const losskit_host_column *column, size_t row,
                             size_t limit, losskit_cursor *cursor) {
  char *const data = column->data;
  switch (extent) {
  case LOSSKIT_EXTENT_PROMPT:
    return (run_of_rows){data + (ptrdiff_t)first_entry(s, column, row) * column->stride, column->stride,
                         s->rows->indices || column->is_ragged ? 1 : limit};
  case LOSSKIT_EXTENT_RESPONSE:
    losskit_seek(s, cursor, LOSSKIT_EXTENT_PROMPT, LOSSKIT_EXTENT_RESPONSE, row);
    return (run_of_rows){data + (ptrdiff_t)first_entry(s, column, cursor->row) * column->stride +
                             (ptrdiff_t)(row - cursor->start) * column->rank_stride,
                         column->rank_stride, smaller(limit, cursor->end - row)};
  default:
    losskit_seek(s, cursor, LOSSKIT_EXTENT_RESPONSE, LOSSKIT_EXTENT_TOKEN, row);
    return (run_of_rows){data + (ptrdiff_t)(s->rows->token_offsets[s->row_numbers[cursor->row]] + row - cursor->start) *
                                    column->stride,
                         column->stride, smaller(limit, cursor->end - row)};
  }
}

static void load_rows(const losskit_level *level, run_of_rows from, int32_t is_float, double *copy) {
  if (is_float && from.stride == sizeof(float)) {
    level->widen(from.data, copy, from.count);
  } else if (!is_float && from.stride == sizeof(double)) {
    memcpy(copy, from.data, from.count * sizeof *copy);
  } else {
    for (size_t row = 0; row < from.count; row++, from.data += from.stride) {
      float narrow;
      if (is_float) {
        memcpy(&narrow, from.data, sizeof narrow);
        copy[row] = narrow;
      } else {
        memcpy(&copy[row], from.data, sizeof copy[row]);
      }
    }
  }
}

static void read_column(const losskit_level *level, const losskit_segments *s, uint32_t extent,
                        const losskit_host_column *column, size_t first, size_t rows, losskit_cursor *cursor, double *copy) {
  for (size_t row = 0; row < rows;) {
    const run_of_rows from = next_rows(s, extent, column, first + row, rows - row, cursor);
    load_rows(level, from, column->is_float, copy + row);
    row += from.count;
  }
}

/* Whether all rows of the block are contiguous. */
static int is_contiguous(const losskit_segments *s, uint32_t extent, const losskit_host_column *column) {
  return extent == (column->is_ragged ? LOSSKIT_EXTENT_RESPONSE : LOSSKIT_EXTENT_PROMPT) && !s->rows->indices && is_packed(column);
}

/* Whether doubles can be read and written in place. */
static int is_aligned(const void *data) { return (uintptr_t)data % sizeof(double) == 0; }

/* The first row of the block in a contiguous column. */
static char *first_address(const losskit_segments *s, const losskit_host_column *column) {
  return (char *)column->data + (ptrdiff_t)first_entry(s, column, 0) * column->stride;
}

losskit_access losskit_find_input(const losskit_segments *s, uint32_t extent, const losskit_host_column *values,
                                  const losskit_host_column *subtracted) {
  losskit_access access = {LOSSKIT_ACCESS_ANY, NULL, NULL};
  if (!is_contiguous(s, extent, values)) return access;
  access.data = first_address(s, values);
  if (!subtracted) {
    if (values->is_float) access.kind = LOSSKIT_ACCESS_FLOATS;
    else if (is_aligned(values->data)) access.kind = LOSSKIT_ACCESS_DOUBLES;
  } else if (values->is_float && subtracted->is_float && is_contiguous(s, extent, subtracted)) {
    access.kind = LOSSKIT_ACCESS_FLOATS;
    access.subtracted = first_address(s, subtracted);
  }
  return access;
}

losskit_access losskit_find_output(const losskit_segments *s, uint32_t extent, const losskit_host_column *output) {
  losskit_access access = {LOSSKIT_ACCESS_ANY, NULL, NULL};
  if (!output->data || !is_contiguous(s, extent, output)) return access;
  access.data = first_address(s, output);
  if (output->is_float) access.kind = LOSSKIT_ACCESS_FLOATS;
  else if (output->factor == 1 && is_aligned(output->data)) access.kind = LOSSKIT_ACCESS_DOUBLES;
  return access;
}

void losskit_read_any(const losskit_level *level, const losskit_segments *s, uint32_t extent,
                      const losskit_host_column *values, const losskit_host_column *subtracted, size_t first, size_t rows,
                      losskit_cursor *cursor, double *copy) {
  losskit_cursor start = *cursor;
  read_column(level, s, extent, values, first, rows, cursor, copy);
  if (!subtracted) return;
  double other[LOSSKIT_BLOCK_ROWS];
  read_column(level, s, extent, subtracted, first, rows, &start, other);
  /* A value that is not finite makes the difference not finite, too. */
  for (size_t row = 0; row < rows; row++) copy[row] -= other[row];
}

static int32_t store_rows(const losskit_level *level, run_of_rows to, const losskit_host_column *column, const double *tile) {
  if (column->is_float && to.stride == sizeof(float)) return level->narrow(tile, column->factor, to.data, to.count);
  int32_t found = 0;
  for (size_t row = 0; row < to.count; row++, to.data += to.stride) {
    const double wide = tile[row] * column->factor;
    const float narrow = (float)wide;
    found |= column->is_float ? narrow - narrow != 0 : wide - wide != 0;
    memcpy(to.data, column->is_float ? (const void *)&narrow : &wide, column->is_float ? sizeof narrow : sizeof wide);
  }
  return found;
}

int32_t losskit_write_any(const losskit_level *level, const losskit_segments *s, uint32_t extent,
                          const losskit_host_column *output, size_t first, size_t rows, losskit_cursor *cursor,
                          const double *tile) {
  if (!output->data) return level->first_nonfinite(tile, rows) < rows;
  int32_t found = 0;
  for (size_t row = 0; row < rows;) {
    const run_of_rows to = next_rows(s, extent, output, first + row, rows - row, cursor);
    found |= store_rows(level, to, output, tile + row);
    row += to.count;
  }
  return found;
}
