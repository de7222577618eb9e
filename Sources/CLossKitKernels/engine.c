#include "access.h"
#include "reduce.h"

#include <string.h>

/* Registers start at a multiple of a cache line, which is also the size of the widest vector. */
enum { ALIGNMENT = 8, TILE = LOSSKIT_BLOCK_ROWS };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t round_up(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

static double *align(double *address) {
  const uintptr_t bytes = ALIGNMENT * sizeof(double);
  return (double *)(((uintptr_t)address + bytes - 1) / bytes * bytes);
}

/* The state of one thread for a block. */
typedef struct worker {
  const losskit_run *run;
  const losskit_level *level;
  losskit_segments segments;
  double *temporaries[LOSSKIT_EXTENTS]; /* column i of an extent at i most[extent] */
  double *registers, *read_tiles, *output_tiles;
  size_t block, stride; /* between registers */
} worker;

/* ---- Blocks ---------------------------------------------------------------------------------------------------------------- */

static size_t responses_of(const losskit_rows *rows, size_t prompt) {
  return rows->counts ? rows->counts[rows->indices ? rows->indices[prompt] : prompt] : rows->responses;
}

static size_t tokens_of(const losskit_rows *rows, size_t prompt) {
  const size_t place = rows->indices ? rows->indices[prompt] : prompt;
  size_t tokens = 0;
  for (size_t rank = 0; rank < responses_of(rows, prompt); rank++) {
    const size_t *const offset = rows->token_offsets + losskit_first_row_number(rows, place) + rank * losskit_row_step(rows);
    tokens += offset[1] - offset[0];
  }
  return tokens;
}

void losskit_cut(const losskit_rows *rows, uint32_t finest, size_t limit, losskit_range *range) {
  size_t last[LOSSKIT_EXTENTS];
  memcpy(last, range->first, sizeof last);
  last[LOSSKIT_EXTENT_BATCH] = range->first[LOSSKIT_EXTENT_BATCH] + 1;
  const size_t first = range->first[LOSSKIT_EXTENT_PROMPT];
  if (finest <= LOSSKIT_EXTENT_PROMPT || (finest == LOSSKIT_EXTENT_RESPONSE && !rows->counts)) {
    const size_t rows_of_prompt = finest <= LOSSKIT_EXTENT_PROMPT || rows->responses == 0 ? 1 : rows->responses;
    const size_t prompts = limit / rows_of_prompt > 0 ? limit / rows_of_prompt : 1;
    last[LOSSKIT_EXTENT_PROMPT] = smaller(rows->prompts, first + prompts);
    if (finest == LOSSKIT_EXTENT_RESPONSE)
      last[LOSSKIT_EXTENT_RESPONSE] += (last[LOSSKIT_EXTENT_PROMPT] - first) * rows->responses;
  } else {
    size_t prompt = first;
    for (; prompt < rows->prompts; prompt++) {
      const size_t responses = responses_of(rows, prompt);
      const size_t tokens = finest == LOSSKIT_EXTENT_TOKEN ? tokens_of(rows, prompt) : 0;
      const size_t own = finest == LOSSKIT_EXTENT_TOKEN ? tokens : responses;
      if (prompt > first && (last[finest] - range->first[finest] + own > limit || prompt - first >= limit)) break;
      last[LOSSKIT_EXTENT_RESPONSE] += responses;
      last[LOSSKIT_EXTENT_TOKEN] += tokens;
    }
    last[LOSSKIT_EXTENT_PROMPT] = prompt;
  }
  memcpy(range->last, last, sizeof last);
}

/* Finds the starts of a block's responses and tokens, in `memory`; returns the rest of the memory. */
static size_t *find_segments(const losskit_run *run, losskit_segments *segments, size_t *memory) {
  const losskit_rows *const rows = &run->rows;
  const size_t prompts = losskit_rows_of(segments, LOSSKIT_EXTENT_PROMPT);
  if (run->finest < LOSSKIT_EXTENT_RESPONSE) return memory;
  if (rows->counts) {
    size_t *const starts = memory;
    memory += prompts + 1;
    starts[0] = 0;
    for (size_t i = 0; i < prompts; i++)
      starts[i + 1] = starts[i] + rows->counts[losskit_prompt_place(segments, i)];
    segments->response_starts = starts;
  }
  const size_t responses = losskit_rows_of(segments, LOSSKIT_EXTENT_RESPONSE);
  size_t *const numbers = memory;
  memory += responses;
  segments->row_numbers = numbers;
  for (size_t i = 0, row = 0; i < prompts; i++) {
    size_t number = losskit_first_row_number(rows, losskit_prompt_place(segments, i));
    const size_t end = losskit_first_row(segments, LOSSKIT_EXTENT_PROMPT, i + 1, LOSSKIT_EXTENT_RESPONSE);
    for (; row < end; row++, number += losskit_row_step(rows)) numbers[row] = number;
  }
  if (run->finest < LOSSKIT_EXTENT_TOKEN) return memory;
  size_t *const starts = memory;
  memory += responses + 1;
  starts[0] = 0;
  for (size_t row = 0; row < responses; row++)
    starts[row + 1] = starts[row] + rows->token_offsets[numbers[row] + 1] - rows->token_offsets[numbers[row]];
  segments->token_starts = starts;
  return memory;
}

static size_t segment_words(const losskit_run *run) {
  if (run->finest < LOSSKIT_EXTENT_RESPONSE) return 0;
  return run->most[LOSSKIT_EXTENT_PROMPT] + 1 + 2 * run->most[LOSSKIT_EXTENT_RESPONSE] + 1;
}

static size_t tile_stride(const losskit_run *run) {
  /* With few rows the stride is small, so that a small batch touches few cache lines. */
  size_t most = 1;
  for (uint32_t extent = 1; extent < LOSSKIT_EXTENTS; extent++)
    if (run->most[extent] > most) most = run->most[extent];
  return smaller(TILE, round_up(most, ALIGNMENT));
}

size_t losskit_run_scratch(const losskit_run *run) {
  size_t size = ALIGNMENT + run->tile_columns * tile_stride(run) + segment_words(run);
  for (uint32_t extent = 1; extent < LOSSKIT_EXTENTS; extent++)
    /* The last vector of a tile may extend past the last row of a column. */
    size += run->temporaries[extent] * round_up(run->most[extent], ALIGNMENT);
  return size;
}

/* ---- Reads ----------------------------------------------------------------------------------------------------------------- */

static double *temporary(const worker *w, uint32_t extent, uint32_t index) {
  return w->temporaries[extent] + index * round_up(w->run->most[extent], ALIGNMENT);
}

static void spread(const worker *w, const losskit_read *read, uint32_t fine, const double *values, size_t first, size_t rows,
                   double *copy, losskit_cursor *cursor) {
  for (size_t i = 0; i < rows;) {
    losskit_seek(&w->segments, cursor, read->extent, fine, first + i);
    const size_t stop = smaller(rows, cursor->end - first);
    for (const double value = values[cursor->row]; i < stop; i++) copy[i] = value;
  }
}

static void read_place(const worker *w, const losskit_read *read, uint32_t fine, size_t first, size_t rows, double *copy,
                       losskit_cursor *cursor) {
  for (size_t i = 0; i < rows; i++) {
    losskit_seek(&w->segments, cursor, read->extent, fine, first + i);
    copy[i] = (double)(first + i - cursor->start);
  }
}

static void read_count(const worker *w, const losskit_read *read, uint32_t coarse, size_t first, size_t rows, double *copy) {
  for (size_t i = 0; i < rows; i++)
    copy[i] = (double)(losskit_first_row(&w->segments, coarse, first + i + 1, read->extent) -
                       losskit_first_row(&w->segments, coarse, first + i, read->extent));
}

/* The index in the batch of each row: the prompt's, the response's row number, or the token's. */
static void read_numbers(const worker *w, const losskit_read *read, uint32_t extent, size_t first, size_t rows, double *copy,
                         losskit_cursor *cursor) {
  const losskit_segments *const s = &w->segments;
  for (size_t i = 0; i < rows; i++) {
    size_t number;
    if (extent == LOSSKIT_EXTENT_PROMPT) {
      number = losskit_prompt_place(s, first + i);
    } else if (extent == LOSSKIT_EXTENT_RESPONSE) {
      number = s->row_numbers[first + i];
    } else {
      losskit_seek(s, cursor, LOSSKIT_EXTENT_RESPONSE, extent, first + i);
      number = s->rows->token_offsets[s->row_numbers[cursor->row]] + first + i - cursor->start;
    }
    copy[i] = read->kind == LOSSKIT_READ_ROW ? (double)number : losskit_uniform(w->run->seed, read->index, number);
  }
}

/* The rows of a host's input, in place or in `copy`. */
static const double *read_host(const worker *w, const losskit_stage *stage, const losskit_read *read,
                               const losskit_access *access, size_t first, size_t rows, size_t padded_rows,
                               losskit_cursor *cursor, double *copy, int32_t *found) {
  const losskit_run *const run = w->run;
  const size_t offset = first * sizeof(float);
  const double *lies = copy;
  switch (access->kind) {
  case LOSSKIT_ACCESS_FLOATS: {
    const int32_t is_bad = access->subtracted
        ? w->level->widen_difference(access->data + offset, access->subtracted + offset, copy, rows)
        : w->level->widen(access->data + offset, copy, rows);
    *found |= is_bad & run->is_checked;
    return copy;
  }
  case LOSSKIT_ACCESS_DOUBLES:
    lies = (const double *)access->data + first;
    if (rows == padded_rows) break;
    memcpy(copy, lies, rows * sizeof *copy);
    lies = copy;
    break;
  default:
    losskit_read_any(w->level, &w->segments, stage->extent, &run->inputs[read->index],
                     read->other < 0 ? NULL : &run->inputs[read->other], first, rows, cursor, copy);
  }
  if (run->is_checked) *found |= w->level->first_nonfinite(lies, rows) < rows;
  return lies;
}

/* The rows of one read, in place or in its tile. */
static const double *read_tile(const worker *w, const losskit_stage *stage, uint32_t index, const losskit_access *access,
                               size_t first, size_t rows, size_t padded_rows, losskit_cursor *cursor, int32_t *found) {
  const losskit_run *const run = w->run;
  const losskit_read *const read = &stage->reads[index];
  double *const copy = w->read_tiles + index * w->stride;
  const double *lies = copy;
  switch (read->kind) {
  case LOSSKIT_READ_HOST:
    lies = read_host(w, stage, read, access, first, rows, padded_rows, cursor, copy, found);
    break;
  case LOSSKIT_READ_TEMPORARY: lies = temporary(w, stage->extent, read->index) + first; break;
  case LOSSKIT_READ_KEPT: lies = run->kept[read->index] + w->segments.range.first[stage->extent] + first; break;
  case LOSSKIT_READ_SPREAD:
    spread(w, read, stage->extent, temporary(w, read->extent, read->index), first, rows, copy, cursor);
    break;
  case LOSSKIT_READ_SPREAD_KEPT:
    spread(w, read, stage->extent, run->kept[read->index] + w->segments.range.first[read->extent], first, rows, copy, cursor);
    break;
  case LOSSKIT_READ_PLACE: read_place(w, read, stage->extent, first, rows, copy, cursor); break;
  case LOSSKIT_READ_COUNT: read_count(w, read, stage->extent, first, rows, copy); break;
  default: read_numbers(w, read, stage->extent, first, rows, copy, cursor);
  }
  if (rows == padded_rows) return lies;
  /* The last vector is padded with the last row; the results are ignored. */
  if (lies != copy) memcpy(copy, lies, rows * sizeof *copy);
  for (size_t row = rows; row < padded_rows; row++) copy[row] = copy[rows - 1];
  return copy;
}

/* ---- A stage over a block -------------------------------------------------------------------------------------------------- */

static int32_t is_reduction(const losskit_action *action) {
  return action->kind == LOSSKIT_ACTION_SUM || action->kind == LOSSKIT_ACTION_LARGEST;
}

static double *reduction_target(const worker *w, const losskit_action *action) {
  if (action->extent == LOSSKIT_EXTENT_BATCH) return w->run->partials + action->index * w->run->block_count + w->block;
  return temporary(w, action->extent, action->index);
}

/* Whether an output is summed over the batch; the sum then shows numbers that are not finite. */
static int32_t is_summed(const losskit_stage *stage, uint32_t output) {
  for (uint32_t i = 0; i < stage->action_count; i++) {
    const losskit_action *const action = &stage->actions[i];
    if (action->output == output && action->kind == LOSSKIT_ACTION_SUM && action->extent == LOSSKIT_EXTENT_BATCH) return 1;
  }
  return 0;
}

/* The state of an action between tiles. */
typedef struct actor {
  const losskit_host_column *column;
  losskit_access access;
  int32_t is_idle; /* nothing to do */
  losskit_cursor cursor;
  losskit_reduction reduction;
} actor;

static void open_actor(const worker *w, const losskit_stage *stage, const losskit_action *action, actor *actor) {
  const losskit_run *const run = w->run;
  actor->is_idle = 0;
  if (is_reduction(action)) {
    losskit_reduction_open(&actor->reduction, &w->segments, action->kind == LOSSKIT_ACTION_LARGEST, action->extent,
                           stage->extent);
  } else if (action->kind == LOSSKIT_ACTION_WRITE) {
    actor->column = &run->outputs[action->index];
    actor->access = losskit_find_output(&w->segments, stage->extent, actor->column);
    actor->is_idle = !actor->column->data && (!run->is_checked || is_summed(stage, action->output));
    if (stage->extent > LOSSKIT_EXTENT_PROMPT)
      actor->cursor = losskit_first_segment(&w->segments, stage->extent - 1, stage->extent);
  }
}

static int32_t act(const worker *w, const losskit_stage *stage, const losskit_action *action, const double *tile, size_t first,
                   size_t rows, actor *actor) {
  const losskit_run *const run = w->run;
  if (action->kind == LOSSKIT_ACTION_WRITE) {
    if (actor->is_idle) return 0;
    if (actor->access.kind == LOSSKIT_ACCESS_FLOATS)
      return w->level->narrow(tile, actor->column->factor, actor->access.data + first * sizeof(float), rows) &
             run->is_checked;
    if (actor->access.kind == LOSSKIT_ACCESS_DOUBLES) {
      double *const place = (double *)actor->access.data + first;
      if (place != tile) memcpy(place, tile, rows * sizeof *tile);
      return run->is_checked && w->level->first_nonfinite(place, rows) < rows;
    }
    return losskit_write_any(w->level, &w->segments, stage->extent, actor->column, first, rows, &actor->cursor, tile) &
           run->is_checked;
  }
  if (action->kind == LOSSKIT_ACTION_KEEP) {
    memcpy(run->kept[action->index] + w->segments.range.first[stage->extent] + first, tile, rows * sizeof *tile);
  } else if (action->extent == LOSSKIT_EXTENT_BATCH && action->kind == LOSSKIT_ACTION_SUM) {
    actor->reduction.lanes[0] += w->level->sum(tile, rows);
  } else {
    losskit_reduce(&actor->reduction, &w->segments, action->kind == LOSSKIT_ACTION_LARGEST, action->extent, stage->extent,
                   tile, first, rows, reduction_target(w, action));
  }
  return 0;
}

/* Where an output of a stage is computed, for all tiles: in a temporary, in the host's column, or in a tile. */
typedef struct place_of_output {
  double *rows;
  int32_t is_tile; /* reused for each tile */
  int32_t is_host; /* whole vectors only */
} place_of_output;

static void find_places(const worker *w, const losskit_stage *stage, const actor *actors, place_of_output *places) {
  for (uint32_t i = 0; i < stage->output_count; i++)
    places[i] = stage->outputs[i] >= 0
        ? (place_of_output){temporary(w, stage->extent, (uint32_t)stage->outputs[i]), 0, 0}
        : (place_of_output){w->output_tiles + i * w->stride, 1, 0};
  for (uint32_t i = 0; i < stage->action_count; i++) {
    const losskit_action *const action = &stage->actions[i];
    if (action->kind == LOSSKIT_ACTION_WRITE && actors[i].access.kind == LOSSKIT_ACCESS_DOUBLES &&
        places[action->output].is_tile)
      places[action->output] = (place_of_output){(double *)actors[i].access.data, 0, 1};
  }
}

static int32_t run_stage(worker *w, const losskit_stage *stage) {
  const losskit_run *const run = w->run;
  const losskit_segments *const s = &w->segments;
  const size_t count = losskit_rows_of(s, stage->extent);
  const double *inputs[stage->read_count + 1];
  double *outputs[stage->output_count + 1];
  losskit_access accesses[stage->read_count + 1];
  losskit_cursor cursors[stage->read_count + 1];
  actor actors[stage->action_count + 1];
  place_of_output places[stage->output_count + 1];
  for (uint32_t i = 0; i < stage->read_count; i++) {
    const losskit_read *const read = &stage->reads[i];
    uint32_t coarse = stage->extent - 1;
    if (read->kind == LOSSKIT_READ_HOST)
      accesses[i] = losskit_find_input(s, stage->extent, &run->inputs[read->index],
                                       read->other < 0 ? NULL : &run->inputs[read->other]);
    else if (read->kind < LOSSKIT_READ_ROW)
      coarse = read->extent;
    if (coarse > LOSSKIT_EXTENT_BATCH && coarse < stage->extent)
      cursors[i] = losskit_first_segment(s, coarse, stage->extent);
  }
  for (uint32_t i = 0; i < stage->action_count; i++) open_actor(w, stage, &stage->actions[i], &actors[i]);
  find_places(w, stage, actors, places);
  losskit_block tile = {.inputs = inputs, .outputs = outputs, .scalars = run->scalars, .registers = w->registers,
                        .stride = w->stride};
  int32_t found = 0;
  for (size_t first = 0; first < count; first += TILE) {
    const size_t rows = smaller(TILE, count - first);
    const size_t padded_rows = (rows + w->level->lanes - 1) & ~(w->level->lanes - 1);
    for (uint32_t i = 0; i < stage->read_count; i++)
      inputs[i] = read_tile(w, stage, i, &accesses[i], first, rows, padded_rows, &cursors[i], &found);
    if (found) return 1;
    for (uint32_t i = 0; i < stage->output_count; i++) {
      if (places[i].is_host && rows < padded_rows) places[i] = (place_of_output){w->output_tiles + i * w->stride, 1, 0};
      outputs[i] = places[i].is_tile ? places[i].rows : places[i].rows + first;
    }
    w->level->evaluate(stage->instructions, stage->instruction_count, &tile, padded_rows);
    for (uint32_t i = 0; i < stage->action_count; i++)
      found |= act(w, stage, &stage->actions[i], outputs[stage->actions[i].output], first, rows, &actors[i]);
    if (found) return 1;
  }
  for (uint32_t i = 0; i < stage->action_count; i++) {
    const losskit_action *const action = &stage->actions[i];
    if (!is_reduction(action)) continue;
    double *const target = reduction_target(w, action);
    losskit_reduction_close(&actors[i].reduction, s, action->kind == LOSSKIT_ACTION_LARGEST, action->extent, target);
    if (run->is_checked && action->extent == LOSSKIT_EXTENT_BATCH && *target - *target != 0) return 1;
  }
  for (uint32_t i = 0; i < stage->sweep_count; i++) {
    const losskit_sweep *const sweep = &stage->sweeps[i];
    const uint32_t extent = sweep->kind == LOSSKIT_SWEEP_PICK ? sweep->segment : sweep->extent;
    losskit_sweep_block(sweep, s, temporary(w, sweep->extent, sweep->a), temporary(w, sweep->extent, sweep->b),
                        temporary(w, extent, sweep->result));
  }
  return 0;
}

int32_t losskit_run_block(const losskit_run *run, const losskit_range *range, size_t block, double *scratch) {
  worker w = {.run = run, .level = losskit_level_for(run->level), .block = block, .stride = tile_stride(run)};
  w.segments = (losskit_segments){.rows = &run->rows, .range = *range};
  w.registers = align(scratch);
  double *memory = w.registers + run->tile_columns * w.stride;
  for (uint32_t extent = 1; extent < LOSSKIT_EXTENTS; extent++) {
    w.temporaries[extent] = memory;
    memory += run->temporaries[extent] * round_up(run->most[extent], ALIGNMENT);
  }
  _Static_assert(sizeof(size_t) <= sizeof(double), "segments are stored in memory for doubles");
  find_segments(run, &w.segments, (size_t *)memory);
  for (uint32_t i = 0; i < run->stage_count; i++) {
    const losskit_stage *const stage = &run->stages[i];
    w.read_tiles = w.registers + stage->registers * w.stride;
    w.output_tiles = w.read_tiles + stage->read_count * w.stride;
    if (run_stage(&w, stage)) return 1;
  }
  return 0;
}
