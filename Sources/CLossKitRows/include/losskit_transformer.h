/* The operations of a transformer between its matrix products, row by row, with the widest instructions of the processor.
 * Arrays of floats have any length and alignment; results do not depend on adjacent memory. */
#ifndef LOSSKIT_TRANSFORMER_H
#define LOSSKIT_TRANSFORMER_H
#include <stddef.h>
#include <stdint.h>

/* The parameters of one AdamW update. */
typedef struct losskit_adam {
  float clip;           /* factor of the gradient */
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
  /* target += scale * source */
  void (*add_scaled)(float *target, const float *source, float scale, size_t count);

  /* Turns the first `valid` scores into probabilities and sets the others, up to `width`, to 0. Returns the log of the
   * sum of the exponentials. */
  float (*softmax)(float *scores, size_t valid, size_t width);
  /* Recomputes the probabilities from that logarithm, and turns the gradient of the probabilities into that of the scores:
   * probability * (gradient - mean) * scale, where mean is the sum of probability * gradient. */
  void (*softmax_gradient)(float *scores, float *gradient, size_t valid, size_t width, float log_sum_exp, float mean,
                           float scale);

  /* If `is_rounded`, the arrays that are not `const float` hold bfloat16 instead of floats. */

  /* output = silu(gate) * up */
  void (*swiglu)(const float *gate, const float *up, void *output, int is_rounded, size_t count);
  /* Recomputes the output, and computes the gradients of gate and up from that of the output. */
  void (*swiglu_gradient)(const float *gate, const float *up, const float *cotangent, void *output,
                          void *gate_gradient, void *up_gradient, int is_rounded, size_t count);
  /* The same with the tanh form of GELU: output = gelu(gate) * up. */
  void (*geglu)(const float *gate, const float *up, void *output, int is_rounded, size_t count);
  void (*geglu_gradient)(const float *gate, const float *up, const float *cotangent, void *output,
                         void *gate_gradient, void *up_gradient, int is_rounded, size_t count);

  /* values = limit * tanh(values / limit) */
  void (*cap)(float *values, float limit, size_t count);
  /* Multiplies a gradient of capped values by the slope of the cap. */
  void (*cap_gradient)(const float *capped, float *gradient, float limit, size_t count);

  /* output = x * inverse * weight */
  void (*norm)(const float *x, float inverse, const float *weight, void *output, int is_rounded, size_t count);
  /* Adds to the gradients of x and of the weight from that of the output; inverse = 1 / sqrt(mean x^2 + epsilon). */
  void (*norm_gradient)(const float *x, float inverse, const float *weight, const float *cotangent, float *gradient,
                        float *weight_gradient, size_t count);

  /* Rotates pairs (x[j], x[j + half]) by angles given by cosine and sine, backwards if sign is -1; y may be x. */
  void (*rotate)(const float *x, const float *cosines, const float *sines, float sign, float *y, size_t half);

  /* Updates weights and running means from the gradient, and clears it. Also writes the weights as bfloat16 if `rounded` is
   * not NULL. */
  void (*adam)(float *weights, uint16_t *rounded, float *gradient, float *first, float *second, size_t count,
               const losskit_adam *update);
} losskit_transformer_kernels;

/* The kernels of a level of losskit_levels.h, or of the best one if `level` is 0 or the processor lacks it. */
const losskit_transformer_kernels *losskit_transformer_kernels_for(int32_t level);

#endif
