/* The engine that evaluates a plan over the rows of a batch. Every value of a plan has an extent: batch, prompt, response or token; each
 * row of one belongs to one row of the coarser. A stage runs instructions over the rows of one extent of a block, which is some prompts
 * with all their responses and tokens; what leads to a coarser extent ends a stage. Between phases lies what needs the whole batch. */
#ifndef LOSSKIT_ENGINE_H
#define LOSSKIT_ENGINE_H
#include "losskit_kernels.h"

enum {
  LOSSKIT_EXTENT_BATCH, LOSSKIT_EXTENT_PROMPT, LOSSKIT_EXTENT_RESPONSE, LOSSKIT_EXTENT_TOKEN, LOSSKIT_EXTENTS
};

/* A column of a host's: doubles, or floats, at any address and any distance from each other. */
typedef struct losskit_host_column {
  void *data;            /* of the first row; NULL for an output that is not wanted */
  ptrdiff_t stride;      /* in bytes, from prompt to prompt, or from token to token */
  ptrdiff_t rank_stride; /* in bytes, from rank to rank of a prompt, where the column is read or written per response */
  double factor;         /* what an output is multiplied by on its way */
  int32_t is_float;
} losskit_host_column;

/* What a stage reads, tile by tile. */
enum {
  LOSSKIT_READ_HOST,        /* input `index`, less input `other` unless that is -1 */
  LOSSKIT_READ_TEMPORARY,   /* temporary `index` of the stage's extent */
  LOSSKIT_READ_KEPT,        /* kept column `index`, of the stage's extent */
  LOSSKIT_READ_SPREAD,      /* temporary `index` of the coarser `extent`, broadcast */
  LOSSKIT_READ_SPREAD_KEPT, /* kept column `index` of the coarser `extent`, broadcast */
  LOSSKIT_READ_PLACE,       /* the row's place, from 0, in its segment of the coarser `extent` */
  LOSSKIT_READ_COUNT,       /* the rows of the finer `extent` that belong to the row */
  LOSSKIT_READ_ROW,         /* the row's number in the batch */
  LOSSKIT_READ_UNIFORM      /* a random number in (0, 1), of the seed, stream `index` and the row's number in the batch */
};
typedef struct losskit_read {
  uint32_t kind, extent, index;
  int32_t other;
} losskit_read;

/* What becomes of a value, tile by tile. */
enum {
  LOSSKIT_ACTION_WRITE,   /* to the host's output `index` */
  LOSSKIT_ACTION_KEEP,    /* to kept column `index` */
  LOSSKIT_ACTION_SUM,     /* by segments of `extent`, to its temporary `index`; of the batch: to statistic `index` */
  LOSSKIT_ACTION_LARGEST  /* likewise; -inf of an empty segment */
};
typedef struct losskit_action {
  uint32_t kind, output /* which of the stage's */, extent, index;
} losskit_action;

/* What needs whole segments: from temporaries to a temporary, after the last tile of a block. */
enum {
  LOSSKIT_SWEEP_SCAN,             /* y = a y' + b, y' the value before, 0 at first; a of 0 annihilates */
  LOSSKIT_SWEEP_SCAN_LOG_SUM_EXP, /* y = log(exp(a) + exp(y')), y' -inf at first */
  LOSSKIT_SWEEP_SHIFT,            /* the value `step` rows before; `value` where there is none */
  LOSSKIT_SWEEP_PICK,             /* row `step` of each segment, to the segment's extent; NaN where there is none */
  LOSSKIT_SWEEP_FIRST_LARGEST,    /* 1 at the first row that holds the segment's largest value, else 0 */
  LOSSKIT_SWEEP_ORDER             /* the place, from 0, of each value in its segment's ascending order, which is stable */
};
typedef struct losskit_sweep {
  uint32_t kind, extent /* of the operands */, segment /* the coarser one whose rows are the segments */;
  uint32_t a, b, result; /* temporaries */
  int32_t step;          /* SCAN…: 1 from the first row on, -1 from the last */
  double value;
} losskit_sweep;

typedef struct losskit_stage {
  uint32_t extent;
  uint32_t registers, read_count, instruction_count, output_count, action_count, sweep_count;
  const losskit_read *reads; /* LOSSKIT_IN_INPUT operands are their indices */
  const losskit_instruction *instructions;
  const int32_t *outputs;    /* the temporary that each output lies in, or -1: in the tile alone */
  const losskit_action *actions;
  const losskit_sweep *sweeps;
} losskit_stage;

/* Some prompts of a batch: all of them, or those that have the same number of responses. */
typedef struct losskit_rows {
  size_t prompts;
  const uint32_t *indices;     /* [prompts] the place of each in the batch; NULL: in order */
  size_t batch_prompts;        /* G: what lies between the ranks of a row's number k G + g */
  size_t responses;            /* K, where `counts` is NULL */
  const uint32_t *counts;      /* [G] the responses of each prompt of the batch, or NULL */
  const size_t *token_offsets; /* [K G + 1] by row number, or NULL */
} losskit_rows;

/* The rows of a block at each extent, counted over all blocks. */
typedef struct losskit_range {
  size_t first[LOSSKIT_EXTENTS], last[LOSSKIT_EXTENTS];
} losskit_range;

/* One phase over one part of a batch; what any number of threads share. */
typedef struct losskit_run {
  losskit_rows rows;
  uint32_t finest;                     /* the finest extent with rows */
  uint32_t temporaries[LOSSKIT_EXTENTS];
  size_t most[LOSSKIT_EXTENTS];        /* the most rows a block has */
  uint32_t tile_columns;               /* the most registers, reads and outputs that a stage has together */
  uint32_t stage_count;
  const losskit_stage *stages;
  const losskit_host_column *inputs, *outputs;
  const double *scalars;
  double *const *kept;                 /* kept columns of all rows */
  double *partials;                    /* statistic s of block b at s block_count + b */
  size_t block_count;
  uint64_t seed;
  int32_t level;
  int32_t is_checked;                  /* whether a number that is read or written and is not finite ends the run */
} losskit_run;

/* The end of the block that begins at a range's first rows: as many prompts as have up to `limit` rows at the finest extent, but one at
 * least. It depends on the shape of the batch alone. */
void losskit_cut(const losskit_rows *rows, uint32_t finest, size_t limit, losskit_range *range);

/* The number of doubles that losskit_run_block needs as scratch. */
size_t losskit_run_scratch(const losskit_run *run);

/* Runs all stages over a block. Returns 0, or 1 where a number is not finite and that is checked: outputs are then partly written. Any
 * thread; blocks share nothing that is written. */
int32_t losskit_run_block(const losskit_run *run, const losskit_range *range, size_t block, double *scratch);

/* Writes the order in which values ascend: NaN last, equal values as they stand. `scratch` has 4 words of 8 bytes for each. */
void losskit_sort(const double *values, size_t count, uint32_t *order, uint64_t *scratch);

/* A random number in (0, 1): SplitMix64 of seed and stream, and of that and the row (Steele, Lea and Flood, OOPSLA 2014). */
double losskit_uniform(uint64_t seed, uint32_t stream, uint64_t row);

#endif
