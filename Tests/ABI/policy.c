/* A policy in C that uses all of losskit_plugin.h that policies can: log-probabilities of -weight for each byte of a response and for
 * its end. Earlier definitions replace parts: FLAGS, CREATE, STEP, EXTENSION. */
#include <losskit_plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef FLAGS
#define FLAGS LOSSKIT_TRAINABLE
#endif
#ifndef CREATE
#define CREATE create
#endif
#ifndef STEP
#define STEP step
#endif
#ifndef EXTENSION
#define EXTENSION no_extension
static const void *no_extension(const losskit_policy_type *self, const char *id) {
  (void)self, (void)id;
  return NULL;
}
#endif

struct losskit_policy { double weight, gradient; int kept; };
static const losskit_parameter weight = { "weight", 0, "nats per token", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN, 0.5, 0, INFINITY, 0 };
static const losskit_parameter *const parameters[] = { &weight };
static const losskit_column c0 = { "policy_logp", "sum", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
static const losskit_column c1 = { "policy_token_logp", "each", LOSSKIT_PER_TOKEN, LOSSKIT_DIFFERENTIABLE };
static const losskit_column c2 = { "policy_kl", "to a reference", LOSSKIT_PER_RESPONSE, LOSSKIT_PER_REFERENCE };
static const losskit_column c3 = { "prompt_length", "bytes", LOSSKIT_PER_PROMPT, 0 };
static const losskit_column *const columns[] = { &c0, &c1, &c2, &c3 };

static int32_t make(double weight, losskit_policy **out) {
  *out = calloc(1, sizeof **out);
  (*out)->weight = weight;
  return 0;
}
static int32_t create(const losskit_policy_type *self, const double *p, uint64_t seed, losskit_policy **out, losskit_error *error) {
  if (seed == *(const uint64_t *)self->context) return losskit_fail(error, -1, "an unlucky seed");
  if (seed == 14) return 0;
  return make(p[0] + ((double)(seed % 8) - 1) / 16, out);
}
static int32_t load(const losskit_policy_type *self, const char *path, const double *p, losskit_policy **out, losskit_error *error) {
  (void)self;
  char name[4096]; double stored;
  snprintf(name, sizeof name, "%s/weight", path);
  FILE *file = fopen(name, "r");
  if (!file) return losskit_fail(error, -1, "nothing stored there");
  int read = fscanf(file, "%lf", &stored);
  fclose(file);
  if (read != 1) return losskit_fail(error, -1, "no number");
  if (!isnan(p[0]) && p[0] != stored) return losskit_fail(error, -1, "weight contradicts what is stored");
  return make(stored, out);
}
static void destroy(losskit_policy *policy) { free(policy); }
static int32_t measure(losskit_policy *policy, const losskit_texts *t, uint32_t *counts, uint32_t *cut, losskit_error *error) {
  (void)policy;
  for (size_t i = 0; i < t->prompts * t->responses; i++) {
    if (t->counts && i / t->prompts >= t->counts[i % t->prompts]) { counts[i] = 99; continue; }
    const losskit_text response = t->response[i];
    if (response.length == 0) return losskit_fail(error, (int64_t)(i % t->prompts), "an empty response");
    counts[i] = (uint32_t)response.length + 1;
    if (cut) cut[i] = t->prompt[i % t->prompts].length > 10 ? 1 : 0;
  }
  return 0;
}
static int32_t forward(losskit_policy *policy, const losskit_policy_frame *f, int32_t keep, losskit_error *error) {
  const losskit_texts *t = &f->texts;
  size_t rows = t->prompts * t->responses;
  for (size_t g = 0; g < t->prompts; g++)
    if (t->prompt[g].length && t->prompt[g].bytes[0] == '?') return losskit_fail(error, (int64_t)g, "it makes no sense");
  for (size_t c = 0; c < f->column_count; c++) {
    double *v = f->values[c];
    for (size_t i = 0; i < rows; i++) {
      size_t length = t->response[i].length + 1;
      int spoiled = t->prompt[i % t->prompts].length && t->prompt[i % t->prompts].bytes[0] == '!';
      double each = spoiled ? NAN : -policy->weight;
      if (f->columns[c] == 0) v[i] = each * (double)length;
      if (f->columns[c] == 1)
        for (size_t k = f->token_offsets[i]; k < f->token_offsets[i + 1]; k++) v[k] = each;
      for (size_t r = 0; f->columns[c] == 2 && r < f->reference_count; r++)
        v[r * rows + i] = f->references[r]->weight - policy->weight;
      if (f->columns[c] == 3 && i < t->prompts) v[i] = (double)t->prompt[i].length;
    }
  }
  if (keep) policy->kept = 1;
  return 0;
}
static int32_t backward(losskit_policy *policy, const losskit_policy_frame *f, losskit_error *error) {
  const losskit_texts *t = &f->texts;
  if (!policy->kept) return losskit_fail(error, -1, "backward without a kept forward");
  for (size_t c = 0; c < f->column_count; c++)
    for (size_t i = 0; i < t->prompts * t->responses; i++) {
      if (f->columns[c] == 0) policy->gradient -= f->gradients[c][i] * (double)(t->response[i].length + 1);
      if (f->columns[c] == 1)
        for (size_t k = f->token_offsets[i]; k < f->token_offsets[i + 1]; k++) policy->gradient -= f->gradients[c][k];
    }
  return 0;
}
static int32_t step(losskit_policy *policy, losskit_update *u, losskit_error *error) {
  double norm = fabs(policy->gradient), gradient = policy->gradient;
  policy->gradient = 0;
  if (!isfinite(norm)) return losskit_fail(error, -1, "the gradient is not finite");
  if (norm > u->max_gradient_norm) gradient *= u->max_gradient_norm / norm;
  policy->weight -= u->learning_rate * (gradient + u->weight_decay * policy->weight);
  u->gradient_norm = norm;
  return 0;
}
static int32_t save(losskit_policy *policy, const char *directory, int32_t with_optimizer, losskit_error *error) {
  (void)with_optimizer;
  char name[4096];
  snprintf(name, sizeof name, "%s/weight", directory);
  FILE *file = fopen(name, "w");
  if (!file) return losskit_fail(error, -1, "cannot write");
  fprintf(file, "%.17g", policy->weight);
  return fclose(file);
}
static int32_t copy(const losskit_policy *policy, losskit_policy **out, losskit_error *error) {
  (void)error;
  return make(policy->weight, out);
}
static int32_t blend(losskit_policy *target, const losskit_policy *source, double alpha, losskit_error *error) {
  (void)error;
  target->weight = alpha * source->weight + (1 - alpha) * target->weight;
  return 0;
}

static const uint64_t unlucky = 13;
static const losskit_policy_type type = {
    .flags = FLAGS, .name = "slope", .version = "1", .summary = "A line.", .citation = NULL, .documentation = NULL,
    .parameter_count = 1, .column_count = 4, .parameters = parameters, .columns = columns, .context = &unlucky, .create = CREATE,
    .load = load, .destroy = destroy, .measure = measure, .forward = forward, .backward = backward, .step = STEP, .save = save,
    .copy = copy, .blend = blend, .extension = EXTENSION};
static const losskit_policy_type *const types[] = {&type};
static const losskit_plugin plugin = {.policy_count = 1, .policies = types};

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  (void)host, (void)error;
  return &plugin;
}
