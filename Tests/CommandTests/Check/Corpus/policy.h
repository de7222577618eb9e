/* A correct policy, -weight for each byte of a response and for its end. Definitions before the include
 * replace parts of it. */
#include <losskit_plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ON_CREATE
#define ON_CREATE
#endif
#ifndef VALUE
#define VALUE -*policy->weight * (double)(texts->response[i].length + 1)
#endif
#ifndef KEEP
#define KEEP
#endif
#ifndef LENGTH
#define LENGTH (double)(texts->response[i].length + 1)
#endif
#ifndef COMPARED
#define COMPARED r
#endif
#ifndef DISTANCE_SLOPE
#define DISTANCE_SLOPE 2
#endif
#ifndef COPIED
#define COPIED own(*policy->weight)
#endif
#ifndef STORED
#define STORED *policy->weight
#endif
#ifndef DIGEST
#define DIGEST "%.17g", *policy->weight
#endif
#ifndef FACT
#define FACT "1"
#endif
#ifndef EMPTY
#define EMPTY fail(error, (int64_t)(i % texts->prompts), "an empty response")
#endif

struct losskit_policy { double *weight, gradient; };

static int32_t fail(losskit_error *error, int64_t prompt, const char *message) {
  if (error) {
    error->prompt = prompt;
    snprintf(error->message, sizeof error->message, "%s", message);
  }
  return 1;
}
static double *own(double weight) {
  double *copy = malloc(sizeof *copy);
  *copy = weight;
  return copy;
}
static int32_t make(double *weight, losskit_policy **out) {
  *out = calloc(1, sizeof **out);
  (*out)->weight = weight;
  return 0;
}
static int32_t create(const losskit_policy_type *self, const double *p, uint64_t seed, losskit_policy **out, losskit_error *error) {
  (void)self, (void)p, (void)error;
  ON_CREATE;
  return make(own(0.5 + (double)(seed % 8)), out);
}
static int32_t load(const losskit_policy_type *self, const char *path, const double *p, losskit_policy **out, losskit_error *error) {
  (void)self, (void)p;
  char name[4096];
  double weight;
  snprintf(name, sizeof name, "%s/weight", path);
  FILE *file = fopen(name, "r");
  if (!file) return fail(error, -1, "nothing is stored there");
  const int read = fscanf(file, "%lf", &weight);
  fclose(file);
  return read == 1 ? make(own(weight), out) : fail(error, -1, "no number is stored there");
}
static void destroy(losskit_policy *policy) { free(policy); }
static int32_t measure(losskit_policy *policy, const losskit_texts *texts, uint32_t *counts, uint32_t *cut, losskit_error *error) {
  (void)policy, (void)error;
  for (size_t i = 0; i < texts->prompts * texts->responses; i++) {
    if (texts->response[i].length == 0) return EMPTY;
    counts[i] = (uint32_t)texts->response[i].length + 1;
    if (cut) cut[i] = 0;
  }
  return 0;
}
static double difference(const losskit_policy *policy, const losskit_policy_frame *frame, size_t reference) {
  return *policy->weight - *frame->references[reference]->weight;
}
static int32_t forward(losskit_policy *policy, const losskit_policy_frame *frame, int32_t keep, losskit_error *error) {
  (void)policy, (void)keep, (void)error;
  const losskit_texts *texts = &frame->texts;
  const size_t count = texts->prompts * texts->responses;
  for (size_t c = 0; c < frame->column_count; c++)
    for (size_t i = 0; i < count; i++) {
      KEEP;
      if (frame->columns[c] == 0) frame->values[c][i] = VALUE;
      else
        for (size_t r = 0; r < frame->reference_count; r++)
          frame->values[c][r * count + i] = pow(difference(policy, frame, COMPARED), 2) * LENGTH;
    }
  return 0;
}
static int32_t backward(losskit_policy *policy, const losskit_policy_frame *frame, losskit_error *error) {
  (void)error;
  const losskit_texts *texts = &frame->texts;
  const size_t count = texts->prompts * texts->responses;
  for (size_t c = 0; c < frame->column_count; c++)
    for (size_t i = 0; i < count && frame->gradients[c]; i++) {
      if (frame->columns[c] == 0) policy->gradient -= frame->gradients[c][i] * LENGTH;
      else
        for (size_t r = 0; r < frame->reference_count; r++)
          policy->gradient += frame->gradients[c][r * count + i] * DISTANCE_SLOPE * difference(policy, frame, COMPARED) * LENGTH;
    }
  return 0;
}
static int32_t step(losskit_policy *policy, losskit_update *update, losskit_error *error) {
  (void)error;
  update->gradient_norm = fabs(policy->gradient);
  const double scale = update->gradient_norm > update->max_gradient_norm ? update->max_gradient_norm / update->gradient_norm : 1;
  *policy->weight -= update->learning_rate * scale * policy->gradient;
  policy->gradient = 0;
  return 0;
}
static int32_t save(losskit_policy *policy, const char *directory, int32_t with_optimizer, losskit_error *error) {
  (void)with_optimizer;
  char name[4096];
  snprintf(name, sizeof name, "%s/weight", directory);
  FILE *file = fopen(name, "w");
  if (!file) return fail(error, -1, "it cannot be written");
  fprintf(file, "%.17g", STORED);
  return fclose(file);
}
static int32_t copy(const losskit_policy *policy, losskit_policy **out, losskit_error *error) {
  (void)error;
  return make(COPIED, out);
}
static int32_t describe(losskit_policy *policy,
                        void (*receive)(void *, const losskit_fact *, size_t, const losskit_text *), void *context,
                        losskit_error *error) {
  (void)error;
  char written[64], value[64];
  snprintf(written, sizeof written, DIGEST);
  snprintf(value, sizeof value, FACT);
  const losskit_text digest = { written, strlen(written) };
  const losskit_fact fact = { { "engine", 6 }, { value, strlen(value) } };
  receive(context, &fact, 1, policy ? &digest : NULL);
  return 0;
}
static const losskit_identity_extension_v1 identity = { describe };
static const void *extend(const losskit_policy_type *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.identity/1") == 0 ? &identity : NULL;
}

static const losskit_column logp = { "policy_logp", "of a response", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
static const losskit_column distance = {
  "policy_distance", "from a reference", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE | LOSSKIT_PER_REFERENCE };
static const losskit_column *const columns[] = { &logp, &distance };
static const losskit_policy_type subject = {
  LOSSKIT_TRAINABLE, "subject", "1", "A policy to be tested.", NULL, NULL, 0, 2, NULL, columns, NULL,
  create, load, destroy, measure, forward, backward, step, save, copy, NULL, extend };
static const losskit_policy_type *const types[] = { &subject };
static const losskit_plugin plugin = { 0, 1, 0, NULL, types, NULL, NULL };

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  (void)host, (void)error;
  return &plugin;
}
