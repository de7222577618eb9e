/* Vector kernels that evaluate a straight-line program over the rows of a batch, block by block, with the widest
 * instructions of the processor. The result of a row depends on that row alone, not on its position in a block. */
#ifndef LOSSKIT_KERNELS_H
#define LOSSKIT_KERNELS_H
#include <stddef.h>
#include <stdint.h>

#include "losskit_levels.h"

/* The rows evaluated at a time: the size of a register. */
enum { LOSSKIT_BLOCK_ROWS = 256 };

/* An operand or a result: its kind in the top two bits, its index in the others. */
enum {
  LOSSKIT_IN_REGISTER = 0u << 30, /* scratch for one block's rows */
  LOSSKIT_IN_INPUT = 1u << 30,    /* a column of `rows` doubles; operands only */
  LOSSKIT_IN_SCALAR = 2u << 30,   /* one double for all rows; operands only */
  LOSSKIT_IN_OUTPUT = 3u << 30    /* a column of `rows` doubles; results, and operands after that */
};

/* The operation of an instruction. Each is defined for all doubles, including subnormals and infinities. Arithmetic and
 * SQRT round to nearest; EXP, EXPM1, LOG, LOG1P, TANH and EXP_NEGATIVE_ABS are accurate to 4 ulp, SIGMOID, LOG_SIGMOID,
 * SOFTPLUS and LOG1MEXP to 6. NaN gives NaN, except in STEP, SELECT and CLAMP, where comparisons with it are false as
 * the formula says. At one level a row has the same bits whatever its position and the number of rows; results of two
 * levels may differ in the last digits. */
enum {
  LOSSKIT_KERNEL_COPY = 0,
  LOSSKIT_KERNEL_ADD, LOSSKIT_KERNEL_SUBTRACT, LOSSKIT_KERNEL_MULTIPLY, LOSSKIT_KERNEL_DIVIDE,
  LOSSKIT_KERNEL_MINIMUM,      /* a <= b ? a : b; NaN if either is */
  LOSSKIT_KERNEL_MAXIMUM,      /* a >= b ? a : b; NaN if either is */
  LOSSKIT_KERNEL_ANNIHILATE,   /* a == 0 ? 0 : a * b; the chain rule with a zero cotangent */
  LOSSKIT_KERNEL_NEGATE, LOSSKIT_KERNEL_EXP, LOSSKIT_KERNEL_EXPM1, LOSSKIT_KERNEL_LOG, LOSSKIT_KERNEL_LOG1P,
  LOSSKIT_KERNEL_SQRT, LOSSKIT_KERNEL_TANH,
  LOSSKIT_KERNEL_SIGMOID,      /* 1 / (1 + exp(-a)), accurate in both tails */
  LOSSKIT_KERNEL_LOG_SIGMOID,  /* min(a, 0) - log1p(exp(-|a|)) */
  LOSSKIT_KERNEL_SOFTPLUS,     /* max(a, 0) + log1p(exp(-|a|)) */
  LOSSKIT_KERNEL_LOG1MEXP,     /* log(1 - exp(a)) for a <= 0; -inf at 0, NaN above */
  LOSSKIT_KERNEL_ABS, LOSSKIT_KERNEL_SQUARE,
  LOSSKIT_KERNEL_RELU,         /* a <= 0 ? 0 : a; keeps NaN */
  LOSSKIT_KERNEL_FLOOR,
  LOSSKIT_KERNEL_STEP,         /* a > 0 ? 1 : 0 */
  LOSSKIT_KERNEL_SIGN,         /* a > 0 ? 1 : a < 0 ? -1 : 0; NaN for NaN */
  LOSSKIT_KERNEL_SELECT,       /* a > 0 ? b : c */
  LOSSKIT_KERNEL_CLAMP,        /* a < b ? b : a > c ? c : a */
  /* A loss with its gradient needs several of these at a and -a; most of the work is in the elementary functions they share. */
  LOSSKIT_KERNEL_EXP_NEGATIVE_ABS, /* exp(-|a|) */
  LOSSKIT_KERNEL_SIGMOID_FROM,     /* SIGMOID of a, bit for bit, if b is EXP_NEGATIVE_ABS of a or -a */
  LOSSKIT_KERNEL_SIGMOID_OF_NEGATIVE_FROM,  /* SIGMOID of -a, likewise */
  LOSSKIT_KERNEL_LOG_SIGMOID_FROM, /* LOG_SIGMOID of a, likewise, if b is LOG1P of that */
  LOSSKIT_KERNEL_SOFTPLUS_FROM,    /* SOFTPLUS of a, as LOG_SIGMOID_FROM */
  LOSSKIT_KERNEL_SOFTPLUS_OF_NEGATIVE_FROM, /* SOFTPLUS of -a, likewise */
  LOSSKIT_KERNEL_COUNT
};

typedef struct losskit_instruction {
  uint32_t kernel, result, a, b, c; /* unused operands are 0 */
} losskit_instruction;

/* The index of the first value that is NaN or infinite, or count if there is none. */
size_t losskit_first_nonfinite(const double *values, size_t count);

/* The index of the first value that is NaN, or count if there is none. */
size_t losskit_first_nan(const double *values, size_t count);

#endif
