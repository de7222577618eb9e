/* Work over the rows of a matrix, in blocks that threads take one after the other. */
#ifndef LOSSKIT_BLOCKS_H
#define LOSSKIT_BLOCKS_H
#include <stddef.h>
#include <stdint.h>

typedef void (*losskit_block_work)(void *context, size_t first, size_t end);

/* Calls `work` for blocks that make up 0 ..< rows, of about 256 KB each at `row_bytes`, and returns when all are done.
 * threads: 0 means as many as this process may use processors. `backwards`: the last block is taken first; what the pass
 * before it touched last is still in the cache. */
void losskit_for_blocks(size_t rows, size_t row_bytes, int32_t threads, int backwards, losskit_block_work work,
                        void *context);

#endif
