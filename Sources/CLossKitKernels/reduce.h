/* Sums and maxima by segment, and sweeps over whole segments. */
#ifndef LOSSKIT_REDUCE_H
#define LOSSKIT_REDUCE_H
#include "level.h"
#include "segments.h"

enum { LOSSKIT_LANES_OF_SUM = 8 };

/* A running reduction. Lane j has the rows j, j + 8, … of the segment, in order, wherever tiles and blocks are cut; the lanes are combined
 * in a fixed tree at the segment's end. So the result has the same bits for every block size, level and number of threads. */
typedef struct losskit_reduction {
  double lanes[LOSSKIT_LANES_OF_SUM] __attribute__((aligned(64)));
  losskit_cursor segment;
} losskit_reduction;

/* Starts with the first segment of a block; if `coarse` is the batch, the whole block is one segment. */
void losskit_reduction_open(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                            uint32_t fine);

/* Adds the rows of a tile, the first of which is row `first`. `target` has one element per segment of the block. */
void losskit_reduce(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                    uint32_t fine, const double *tile, size_t first, size_t rows, double *target);

/* Finishes the last segment and the empty ones after it. */
void losskit_reduction_close(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                             double *target);

/* Runs a sweep over a block: from columns `a` and `b` to `result`. */
void losskit_sweep_block(const losskit_sweep *sweep, const losskit_segments *segments, const double *a, const double *b,
                         double *result);

#endif
