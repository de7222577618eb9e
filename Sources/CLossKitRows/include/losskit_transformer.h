/* What a transformer computes between its matrix products, a row at a time, with the widest instructions the processor
 * has. Arrays of floats, of any length and alignment; results do not depend on what lies beside them. */
#ifndef LOSSKIT_TRANSFORMER_H
#define LOSSKIT_TRANSFORMER_H
#include <stddef.h>
#include <stdint.h>

/* The numbers of one update by AdamW. */
typedef struct losskit_adam {
  float clip;           /* factor on the gradient */
  float beta1, beta2;   /* decay of the running means */
  float rest1, rest2;   /* 1 - beta1, 1 - beta2 */
  float size;           /* learning rate / (1 - beta1^step) */
  float unbias;         /* 1 / sqrt(1 - beta2^step) */
  float epsilon, decay; /* decay: learning rate times weight decay */
} losskit_adam;

typedef struct losskit_transformer_kernels {
  float (*dot)(const float *x, const float *y, size_t count);
  /* target += source */
  void (*add)(float *target, const float *source, size_t count);

  /* Scores of which the first `valid` count become probabilities, the others up to `width` 0. Returns the log of the
   * sum of the exponentials. */
  float (*softmax)(float *scores, size_t valid, size_t width);
  /* The same probabilities from that logarithm; and the gradient of the probabilities becomes that of the scores,
   * probability * (gradient - mean) * scale, mean being the sum of probability * gradient. */
  void (*softmax_gradient)(float *scores, float *gradient, size_t valid, size_t width, float log_sum_exp, float mean,
                           float scale);

  /* Where `is_rounded`, the arrays that are no `const float` are of bfloat16 instead of floats. */

  /* output = silu(gate) * up */
  void (*swiglu)(const float *gate, const float *up, void *output, int is_rounded, size_t count);
  /* The output again, and the gradients of gate and up from that of the output. */
  void (*swiglu_gradient)(const float *gate, const float *up, const float *cotangent, void *output,
                          void *gate_gradient, void *up_gradient, int is_rounded, size_t count);

  /* output = x * inverse * weight */
  void (*norm)(const float *x, float inverse, const float *weight, void *output, int is_rounded, size_t count);
  /* Adds to the gradients of x and of the weight from that of the output; inverse = 1 / sqrt(mean x^2 + epsilon). */
  void (*norm_gradient)(const float *x, float inverse, const float *weight, const float *cotangent, float *gradient,
                        float *weight_gradient, size_t count);

  /* Turns pairs (x[j], x[j + half]) by angles given by cosine and sine, backwards if sign is -1; y may be x. */
  void (*rotate)(const float *x, const float *cosines, const float *sines, float sign, float *y, size_t half);

  /* Moves weights and running means by the gradient, and clears it. Writes the weights as bfloat16, too, where `rounded`
   * is not NULL. */
  void (*adam)(float *weights, uint16_t *rounded, float *gradient, float *first, float *second, size_t count,
               const losskit_adam *update);
} losskit_transformer_kernels;

/* The kernels of a level of losskit_levels.h, or of the best one where this processor lacks it or `level` is 0. */
const losskit_transformer_kernels *losskit_transformer_kernels_for(int32_t level);

#endif
