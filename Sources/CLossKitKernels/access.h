/* Between a host's columns, of either precision and any distance between values, and tiles of doubles. */
#ifndef LOSSKIT_ACCESS_H
#define LOSSKIT_ACCESS_H
#include "level.h"
#include "segments.h"

/* How the rows of a block lie in a host's column, found once for all tiles. */
typedef struct losskit_access {
  enum {
    LOSSKIT_ACCESS_ANY,    /* at any place: see losskit_read_any and losskit_write_any */
    LOSSKIT_ACCESS_FLOATS, /* side by side */
    LOSSKIT_ACCESS_DOUBLES /* side by side and aligned, and written as they are: where they lie */
  } kind;
  char *data, *subtracted; /* of the block's first row; NULL where nothing is subtracted */
} losskit_access;

losskit_access losskit_find_input(const losskit_segments *segments, uint32_t extent, const losskit_host_column *values,
                                  const losskit_host_column *subtracted);
losskit_access losskit_find_output(const losskit_segments *segments, uint32_t extent, const losskit_host_column *output);

/* Copies rows of an input, less those of another where that is not NULL. */
void losskit_read_any(const losskit_level *level, const losskit_segments *segments, uint32_t extent,
                      const losskit_host_column *values, const losskit_host_column *subtracted, size_t first, size_t rows,
                      losskit_cursor *cursor, double *copy);

/* Writes rows of an output; returns whether a number is not finite, as written. */
int32_t losskit_write_any(const losskit_level *level, const losskit_segments *segments, uint32_t extent,
                          const losskit_host_column *output, size_t first, size_t rows, losskit_cursor *cursor,
                          const double *tile);

#endif
