/* The interpreter: one loop over a block's rows for each instruction. */

enum { OPERAND_PLACE = 30, OPERAND_INDEX = (1 << OPERAND_PLACE) - 1 };

/* An operand as vectors; a scalar is broadcast to one vector that serves all rows. */
typedef struct operand {
  const double *values;
  size_t step; /* between vectors: LOSSKIT_LANES, or 0 for a scalar */
} operand;

static inline __attribute__((always_inline)) operand find_operand(const losskit_block *block, uint32_t code,
                                                                  double *spread) {
  const size_t index = code & OPERAND_INDEX;
  switch (code >> OPERAND_PLACE) {
  case LOSSKIT_IN_SCALAR >> OPERAND_PLACE:
    store(spread, broadcast(block->scalars[index]));
    return (operand){spread, 0};
  case LOSSKIT_IN_INPUT >> OPERAND_PLACE:
    if (block->inputs) return (operand){block->inputs[index] + block->start, LOSSKIT_LANES};
    return (operand){block->input_copies + index * block->stride, LOSSKIT_LANES};
  case LOSSKIT_IN_OUTPUT >> OPERAND_PLACE:
    if (block->outputs) return (operand){block->outputs[index] + block->start, LOSSKIT_LANES};
    return (operand){block->output_copies + index * block->stride, LOSSKIT_LANES};
  default:
    return (operand){block->registers + index * block->stride, LOSSKIT_LANES};
  }
}

static inline __attribute__((always_inline)) double *find_result(const losskit_block *block, uint32_t code) {
  const size_t index = code & OPERAND_INDEX;
  if (code >> OPERAND_PLACE != LOSSKIT_IN_OUTPUT >> OPERAND_PLACE) return block->registers + index * block->stride;
  if (block->outputs) return block->outputs[index] + block->start;
  return block->output_copies + index * block->stride;
}

#define FOR_EACH_VECTOR(count) for (size_t row = 0; row < (count); row += LOSSKIT_LANES)

/* If no operand differs between rows, one vector is computed and copied. */
static inline __attribute__((always_inline)) void repeat_first_vector(double *result, size_t rows) {
  const vector first = load(result);
  FOR_EACH_VECTOR(rows) store(result + row, first);
}

#define UNARY(name, expression)                                                                   \
  case LOSSKIT_KERNEL_##name: {                                                                   \
    FOR_EACH_VECTOR(p.step ? rows : LOSSKIT_LANES) {                                              \
      const vector a = load(p.values + row);                                                      \
      store(result + row, expression);                                                            \
    }                                                                                             \
    if (!p.step) repeat_first_vector(result, rows);                                               \
    break;                                                                                        \
  }

#define BINARY(name, expression)                                                                  \
  case LOSSKIT_KERNEL_##name: {                                                                   \
    if (p.step == q.step) {                                                                       \
      FOR_EACH_VECTOR(p.step ? rows : LOSSKIT_LANES) {                                            \
        const vector a = load(p.values + row), b = load(q.values + row);                          \
        store(result + row, expression);                                                          \
      }                                                                                           \
      if (!p.step) repeat_first_vector(result, rows);                                             \
    } else if (p.step) {                                                                          \
      const vector b = load(q.values);                                                            \
      FOR_EACH_VECTOR(rows) {                                                                     \
        const vector a = load(p.values + row);                                                    \
        store(result + row, expression);                                                          \
      }                                                                                           \
    } else {                                                                                      \
      const vector a = load(p.values);                                                            \
      FOR_EACH_VECTOR(rows) {                                                                     \
        const vector b = load(q.values + row);                                                    \
        store(result + row, expression);                                                          \
      }                                                                                           \
    }                                                                                             \
    break;                                                                                        \
  }

/* These are rare, so one loop with steps serves all eight combinations. */
#define TERNARY(name, expression)                                                                 \
  case LOSSKIT_KERNEL_##name: {                                                                   \
    operand r = find_operand(block, instruction->c, spread[2]);                                   \
    FOR_EACH_VECTOR(rows) {                                                                       \
      const vector a = load(p.values), b = load(q.values), c = load(r.values);                    \
      store(result + row, expression);                                                            \
      p.values += p.step;                                                                         \
      q.values += q.step;                                                                         \
      r.values += r.step;                                                                         \
    }                                                                                             \
    break;                                                                                        \
  }

static void evaluate(const losskit_instruction *instructions, size_t instruction_count, const losskit_block *block,
                     size_t rows) {
  double spread[3][LOSSKIT_LANES] __attribute__((aligned(sizeof(vector))));
  const losskit_instruction *const end = instructions + instruction_count;
  for (const losskit_instruction *instruction = instructions; instruction < end; instruction++) {
    double *const result = find_result(block, instruction->result);
    operand p = find_operand(block, instruction->a, spread[0]);
    operand q = find_operand(block, instruction->b, spread[1]); /* register 0, unused, if there is no b */
    switch (instruction->kernel) {
      UNARY(COPY, a)
      BINARY(ADD, a + b)
      BINARY(SUBTRACT, a - b)
      BINARY(MULTIPLY, a * b)
      BINARY(DIVIDE, a / b)
      BINARY(MINIMUM, choose((a <= b) | (a != a), a, b))
      BINARY(MAXIMUM, choose((a >= b) | (a != a), a, b))
      BINARY(ANNIHILATE, choose(a == 0, broadcast(0), a * b))
      UNARY(NEGATE, -a)
      UNARY(EXP, vector_exp(a))
      UNARY(EXPM1, vector_expm1(a))
      UNARY(LOG, vector_log(a))
      UNARY(LOG1P, vector_log1p(a))
      UNARY(SQRT, __builtin_elementwise_sqrt(a))
      UNARY(TANH, vector_tanh(a))
      UNARY(SIGMOID, sigmoid(a, exp_negative_abs(a)))
      UNARY(LOG_SIGMOID, log_sigmoid(a, vector_log1p(exp_negative_abs(a))))
      UNARY(SOFTPLUS, softplus(a, vector_log1p(exp_negative_abs(a))))
      UNARY(LOG1MEXP, log1mexp(a))
      UNARY(ABS, __builtin_elementwise_abs(a))
      UNARY(SQUARE, a * a)
      UNARY(RELU, choose(a <= 0, broadcast(0), a))
      UNARY(FLOOR, __builtin_elementwise_floor(a))
      UNARY(STEP, choose(a > 0, broadcast(1), broadcast(0)))
      UNARY(SIGN, sign(a))
      TERNARY(SELECT, choose(a > 0, b, c))
      TERNARY(CLAMP, choose(a < b, b, choose(a > c, c, a)))
      UNARY(EXP_NEGATIVE_ABS, exp_negative_abs(a))
      BINARY(SIGMOID_FROM, sigmoid(a, b))
      BINARY(SIGMOID_OF_NEGATIVE_FROM, sigmoid(-a, b))
      BINARY(LOG_SIGMOID_FROM, log_sigmoid(a, b))
      BINARY(SOFTPLUS_FROM, softplus(a, b))
      BINARY(SOFTPLUS_OF_NEGATIVE_FROM, softplus(-a, b))
    }
  }
}
