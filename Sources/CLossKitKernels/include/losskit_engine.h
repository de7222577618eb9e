/* The engine that evaluates a plan over the rows of a batch. Every value of a plan has an extent: batch, prompt, response or token. Each
 * row of one extent belongs to one row of the next coarser extent. A stage runs instructions over the rows of one extent of a block: some
 * prompts with all their responses and tokens. A reduction to a coarser extent ends a stage; what needs the whole batch ends a phase. */
#ifndef LOSSKIT_ENGINE_H
#define LOSSKIT_ENGINE_H
#include "losskit_kernels.h"

enum {
  LOSSKIT_EXTENT_BATCH, LOSSKIT_EXTENT_PROMPT, LOSSKIT_EXTENT_RESPONSE, LOSSKIT_EXTENT_TOKEN, LOSSKIT_EXTENTS
};

/* A column of a host: doubles or floats, at any address and stride. */
typedef struct losskit_host_column {
  void *data;            /* of the first row; NULL for an output that is not requested */
  ptrdiff_t stride;      /* in bytes, between prompts or between tokens */
  ptrdiff_t rank_stride; /* in bytes, between the ranks of a prompt, if the column is read or written per response */
  double factor;         /* multiplies an output */
  int32_t is_float;
  int32_t is_ragged;     /* the first row of a prompt follows the last of the prompt before: see `starts` of losskit_rows */
} losskit_host_column;

/* What a stage reads, tile by tile. */
enum {
  LOSSKIT_READ_HOST,        /* input `index`, minus input `other` unless that is -1 */
  LOSSKIT_READ_TEMPORARY,   /* temporary `index` of the stage's extent */
  LOSSKIT_READ_KEPT,        /* kept column `index`, of the stage's extent */
  LOSSKIT_READ_SPREAD,      /* temporary `index` of the coarser `extent`, broadcast */
  LOSSKIT_READ_SPREAD_KEPT, /* kept column `index` of the coarser `extent`, broadcast */
  LOSSKIT_READ_PLACE,       /* the row's index, from 0, in its segment of the coarser `extent` */
  LOSSKIT_READ_COUNT,       /* the rows of the finer `extent` that belong to the row */
  LOSSKIT_READ_ROW,         /* the row's index in the batch */
  LOSSKIT_READ_UNIFORM      /* a random number in (0, 1), from the seed, stream `index` and the row's index in the batch */
};
typedef struct losskit_read {
  uint32_t kind, extent, index;
  int32_t other;
} losskit_read;

/* What a stage does with an output, tile by tile. */
enum {
  LOSSKIT_ACTION_WRITE,   /* to the host's output `index` */
  LOSSKIT_ACTION_KEEP,    /* to kept column `index` */
  LOSSKIT_ACTION_SUM,     /* by segments of `extent`, to its temporary `index`; of the batch: to statistic `index` */
  LOSSKIT_ACTION_LARGEST  /* likewise; -inf for an empty segment */
};
typedef struct losskit_action {
  uint32_t kind, output /* index among the stage's outputs */, extent, index;
} losskit_action;

/* Operations on whole segments: from temporaries to a temporary, after the last tile of a block. */
enum {
  LOSSKIT_SWEEP_SCAN,             /* y = a y' + b, y' the previous value, initially 0; a of 0 yields b */
  LOSSKIT_SWEEP_SCAN_LOG_SUM_EXP, /* y = log(exp(a) + exp(y')), y' initially -inf */
  LOSSKIT_SWEEP_SHIFT,            /* the value `step` rows before, or `value` */
  LOSSKIT_SWEEP_PICK,             /* row `step` of each segment, to the segment's extent; NaN if the segment is shorter */
  LOSSKIT_SWEEP_FIRST_LARGEST,    /* 1 at the first row with the segment's largest value, otherwise 0 */
  LOSSKIT_SWEEP_ORDER             /* the rank, from 0, of each value in its segment's ascending order; stable */
};
typedef struct losskit_sweep {
  uint32_t kind, extent /* of the operands */, segment /* the coarser extent whose rows are the segments */;
  uint32_t a, b, result; /* temporaries */
  int32_t step;          /* SCAN…: 1 from the first row, -1 from the last */
  double value;
} losskit_sweep;

typedef struct losskit_stage {
  uint32_t extent;
  uint32_t registers, read_count, instruction_count, output_count, action_count, sweep_count;
  const losskit_read *reads; /* indexed by LOSSKIT_IN_INPUT operands */
  const losskit_instruction *instructions;
  const int32_t *outputs;    /* the temporary of each output, or -1 if it is only in the tile */
  const losskit_action *actions;
  const losskit_sweep *sweeps;
} losskit_stage;

/* The prompts of a part of a batch: all, or those with the same number of responses. */
typedef struct losskit_rows {
  size_t prompts;
  const uint32_t *indices;     /* [prompts] the index of each in the batch; NULL: in order */
  size_t batch_prompts;        /* G, in the row number k G + g */
  size_t responses;            /* K, if `counts` is NULL */
  const uint32_t *counts;      /* [G] the responses of each prompt of the batch, or NULL */
  const size_t *starts;        /* [G + 1] the row number of each prompt's first response, if the next one's is 1 more; NULL: k G + g */
  const size_t *token_offsets; /* [rows + 1] by row number, or NULL */
} losskit_rows;

/* The rows of a block at each extent, numbered over all blocks. */
typedef struct losskit_range {
  size_t first[LOSSKIT_EXTENTS], last[LOSSKIT_EXTENTS];
} losskit_range;

/* One phase over one part of a batch; shared by all threads. */
typedef struct losskit_run {
  losskit_rows rows;
  uint32_t finest;                     /* the finest extent with rows */
  uint32_t temporaries[LOSSKIT_EXTENTS];
  size_t most[LOSSKIT_EXTENTS];        /* the largest number of rows of a block */
  uint32_t tile_columns;               /* the largest total of registers, reads and outputs of a stage */
  uint32_t stage_count;
  const losskit_stage *stages;
  const losskit_host_column *inputs, *outputs;
  const double *scalars;
  double *const *kept;                 /* kept columns of all rows */
  double *partials;                    /* statistic s of block b at s block_count + b */
  size_t block_count;
  uint64_t seed;
  int32_t level;
  int32_t is_checked;                  /* whether a number that is read or written and not finite ends the run */
} losskit_run;

/* The end of the block that begins at the first rows of a range: as many whole prompts as have up to `limit` rows at the finest extent, at
 * least one. It depends only on the shape of the batch. */
void losskit_cut(const losskit_rows *rows, uint32_t finest, size_t limit, losskit_range *range);

/* The number of doubles of scratch that losskit_run_block needs. */
size_t losskit_run_scratch(const losskit_run *run);

/* Runs all stages over a block. Returns 0, or 1 if numbers are checked and one is not finite; outputs are then partly written. Any
 * thread; blocks share no memory that is written. */
int32_t losskit_run_block(const losskit_run *run, const losskit_range *range, size_t block, double *scratch);

/* Writes the ascending order of values: stable, with NaN last. `scratch` holds 4 words of 8 bytes per value. */
void losskit_sort(const double *values, size_t count, uint32_t *order, uint64_t *scratch);

/* A random number in (0, 1): SplitMix64 of seed and stream, then of that and the row (Steele, Lea and Flood, OOPSLA 2014). */
double losskit_uniform(uint64_t seed, uint32_t stream, uint64_t row);

#endif
