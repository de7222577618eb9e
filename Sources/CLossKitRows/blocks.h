/* Work over the rows of a matrix, in blocks that threads take in turn. */
#ifndef LOSSKIT_BLOCKS_H
#define LOSSKIT_BLOCKS_H
#include <stddef.h>
#include <stdint.h>

typedef void (*losskit_block_work)(void *context, size_t first, size_t end);

/* Calls `work` for blocks of about 256 KB, at `row_bytes` per row, that cover 0 ..< rows; returns when all are done.
 * threads: 0 uses all processors available to the process. `backwards` takes the last block first, which the previous
 * pass has left in the cache. */
void losskit_for_blocks(size_t rows, size_t row_bytes, int32_t threads, int backwards, losskit_block_work work,
                        void *context);

#endif
