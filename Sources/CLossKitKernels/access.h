/* Copies between a host's columns, of either precision and any stride, and tiles of doubles. */
#ifndef LOSSKIT_ACCESS_H
#define LOSSKIT_ACCESS_H
#include "level.h"
#include "segments.h"

/* The layout of a block's rows in a host's column, determined once for all tiles. */
typedef struct losskit_access {
  enum {
    LOSSKIT_ACCESS_ANY,    /* any layout: see losskit_read_any and losskit_write_any */
    LOSSKIT_ACCESS_FLOATS, /* contiguous */
    LOSSKIT_ACCESS_DOUBLES /* contiguous and aligned, with factor 1: used in place */
  } kind;
  char *data, *subtracted; /* of the block's first row; NULL if nothing is subtracted */
} losskit_access;

losskit_access losskit_find_input(const losskit_segments *segments, uint32_t extent, const losskit_host_column *values,
                                  const losskit_host_column *subtracted);
losskit_access losskit_find_output(const losskit_segments *segments, uint32_t extent, const losskit_host_column *output);

/* Copies rows of an input, minus those of another if that is not NULL. */
void losskit_read_any(const losskit_level *level, const losskit_segments *segments, uint32_t extent,
                      const losskit_host_column *values, const losskit_host_column *subtracted, size_t first, size_t rows,
                      losskit_cursor *cursor, double *copy);

/* Writes rows of an output; returns whether a written number is not finite. */
int32_t losskit_write_any(const losskit_level *level, const losskit_segments *segments, uint32_t extent,
                          const losskit_host_column *output, size_t first, size_t rows, losskit_cursor *cursor,
                          const double *tile);

#endif
