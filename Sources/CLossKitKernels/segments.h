/* The rows of a block, and the nesting of its extents. */
#ifndef LOSSKIT_SEGMENTS_H
#define LOSSKIT_SEGMENTS_H
#include "losskit_engine.h"

typedef struct losskit_segments {
  const losskit_rows *rows;
  losskit_range range;
  const size_t *response_starts; /* [prompts + 1] the first response of each prompt of the block; NULL: K each */
  const size_t *token_starts;    /* [responses + 1] the first token of each response */
  const size_t *row_numbers;     /* [responses] where each stands in the batch: see `starts` of losskit_rows */
} losskit_segments;

/* A row of a coarser extent and its end in the finer one. Rows are visited in ascending order, so the next row is near. */
typedef struct losskit_cursor {
  size_t row, start, end;
} losskit_cursor;

static inline size_t losskit_rows_of(const losskit_segments *s, uint32_t extent) {
  return s->range.last[extent] - s->range.first[extent];
}

/* The index in the batch of a prompt of the block. */
static inline size_t losskit_prompt_place(const losskit_segments *s, size_t prompt) {
  const size_t row = s->range.first[LOSSKIT_EXTENT_PROMPT] + prompt;
  return s->rows->indices ? s->rows->indices[row] : row;
}

/* The row number of the first response of a prompt, by its index in the batch. */
static inline size_t losskit_first_row_number(const losskit_rows *rows, size_t place) {
  return rows->starts ? rows->starts[place] : place;
}

/* The distance between the row numbers of a prompt's responses. */
static inline size_t losskit_row_step(const losskit_rows *rows) { return rows->starts ? 1 : rows->batch_prompts; }

/* The first row at `fine` of row `row` at `coarse`, both counted from the start of the block. */
static inline size_t losskit_first_row(const losskit_segments *s, uint32_t coarse, size_t row, uint32_t fine) {
  if (coarse == LOSSKIT_EXTENT_PROMPT && fine > LOSSKIT_EXTENT_PROMPT) {
    row = s->response_starts ? s->response_starts[row] : row * s->rows->responses;
    coarse = LOSSKIT_EXTENT_RESPONSE;
  }
  return coarse == LOSSKIT_EXTENT_RESPONSE && fine > LOSSKIT_EXTENT_RESPONSE ? s->token_starts[row] : row;
}

/* Advances to the segment that contains a row. */
static inline void losskit_seek(const losskit_segments *s, losskit_cursor *cursor, uint32_t coarse, uint32_t fine, size_t row) {
  while (cursor->end <= row) {
    cursor->row++;
    cursor->start = cursor->end;
    cursor->end = losskit_first_row(s, coarse, cursor->row + 1, fine);
  }
}

/* The first segment of a block. */
static inline losskit_cursor losskit_first_segment(const losskit_segments *s, uint32_t coarse, uint32_t fine) {
  if (losskit_rows_of(s, coarse) == 0) return (losskit_cursor){0, 0, 0};
  return (losskit_cursor){0, 0, losskit_first_row(s, coarse, 1, fine)};
}

#endif
