/* Sums and largest values by segments, and what sweeps over whole segments. */
#ifndef LOSSKIT_REDUCE_H
#define LOSSKIT_REDUCE_H
#include "level.h"
#include "segments.h"

enum { LOSSKIT_LANES_OF_SUM = 8 };

/* One running reduction. Lane j has the rows j, j + 8, … of the segment, in order, wherever tiles and blocks are cut; the lanes are added
 * in a fixed tree at the segment's end. So the result has the same bits whatever the block, the level or the number of threads. */
typedef struct losskit_reduction {
  double lanes[LOSSKIT_LANES_OF_SUM] __attribute__((aligned(64)));
  losskit_cursor segment;
} losskit_reduction;

/* Begins with the first segment of a block; of the whole block where `coarse` is the batch. */
void losskit_reduction_open(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                            uint32_t fine);

/* Takes the rows of a tile, which begin at row `first`, in. `target` has a place for each segment of the block. */
void losskit_reduce(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                    uint32_t fine, const double *tile, size_t first, size_t rows, double *target);

/* Ends the last segment, and those behind it that are empty. */
void losskit_reduction_close(losskit_reduction *reduction, const losskit_segments *segments, int32_t is_largest, uint32_t coarse,
                             double *target);

/* Runs a sweep over a block: from columns `a` and `b` to `result`. */
void losskit_sweep_block(const losskit_sweep *sweep, const losskit_segments *segments, const double *a, const double *b,
                         double *result);

#endif
