/* losskit_plugin.h: the plugin ABI of LossKit, version 1. C11 and C++17, no dependency. What hosts use is in losskit.h.
 *
 * A plugin is a shared library that exports one function, losskit_plugin_entry_v1, and through it any number of
 *   - losses and reward parameterizations ("components"): pure functions of (parameters, state, seed, columns);
 *   - policies: things that know log-probabilities, and may be trained;
 *   - named objectives: a text in the objective grammar under a name of its own.
 *
 * The batch. G prompts, each with up to K responses, best first; K = 2 is a pair (chosen, rejected), K = 1 unpaired feedback.
 * Columns are contiguous doubles, rank-major: response k of prompt g is at [k*G + g]; of reference r at [(r*K + k)*G + g];
 * a token t of that response is at [token_offsets[k*G + g] + t], of reference r after r*T more, T = token_offsets[K*G].
 *
 * Rules that hold for every function pointer here:
 *   - It returns 0, or another value after filling *error (which may be NULL: then nothing is written).
 *   - It does not throw, trap, exit, print, or change locale, signal handlers, rounding mode or working directory.
 *   - Everything passed in is borrowed until the call returns, unless the function says otherwise. Nothing crosses
 *     that the other side would have to free. The descriptors and all they point to stay valid as long as the process.
 *   - A struct of this header never changes and never grows: what is new gets a new name behind an extension id.
 *
 * Log-probabilities are in nats, sums over the tokens of a response; lengths are in tokens. */
#ifndef LOSSKIT_PLUGIN_H
#define LOSSKIT_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong. The caller's memory; message is UTF-8, always terminated. prompt: the index it concerns, -1 for none. */
typedef struct losskit_error {
  int64_t prompt;
  char message[504];
} losskit_error;

/* ---- what components declare ------------------------------------------------------------------------------------ */

/* Type of a parameter. All travel as doubles: a Boolean is 0 or 1, a choice the index of its name. */
enum { LOSSKIT_REAL = 0, LOSSKIT_INTEGER = 1, LOSSKIT_BOOLEAN = 2, LOSSKIT_CHOICE = 3 };

/* Flags of a parameter. The reward scale is the beta by which hosts multiply rewards in their metrics; at most one. */
enum { LOSSKIT_LOWER_OPEN = 1, LOSSKIT_UPPER_OPEN = 2, LOSSKIT_REWARD_SCALE = 4 };

typedef struct losskit_parameter {
  const char *name;            /* [a-z][a-z0-9_]*, the field's term */
  const char *symbol;          /* the paper's symbol in LaTeX, or NULL: the name */
  const char *summary;
  uint32_t type, flags;
  double initial, lower, upper; /* bounds are closed unless flagged open; infinite where there is none */
  const char *const *choices;  /* a choice's names, `upper + 1` of them; else NULL */
} losskit_parameter;

/* Extent of a column: [G], [K*G] or [T]. */
enum { LOSSKIT_PER_PROMPT = 0, LOSSKIT_PER_RESPONSE = 1, LOSSKIT_PER_TOKEN = 2 };

/* Flags of a column. Differentiable: the component returns a gradient for it. Per reference: R times the extent. */
enum { LOSSKIT_OPTIONAL = 1, LOSSKIT_DIFFERENTIABLE = 2, LOSSKIT_PER_REFERENCE = 4 };

/* Standard names: reward, policy_logp, reference_logp, token_count, score, label (1 desirable, 0 not), policy_token_logp,
 * reference_token_logp. A prefix mismatched_ means the same column of a response that belongs to another prompt;
 * mismatched_reward is made by the host with the objective's own parameterization. */
typedef struct losskit_column {
  const char *name, *summary;
  uint32_t extent, flags;
} losskit_column;

typedef struct losskit_state {
  const char *name;
  double initial;
} losskit_state;

/* ---- losses and reward parameterizations -------------------------------------------------------------------------- */

enum { LOSSKIT_LOSS = 1, LOSSKIT_REWARD = 2 };

/* Flags of a component.
 * ROWWISE: a prompt's output depends on that prompt alone, so a host may split the batch; always so for a reward, unless
 * it draws random numbers and exports its formula, which says so.
 * SHIFT_INVARIANT (loss): adding one constant per prompt to all its rewards changes nothing.
 * ZERO_AT_REFERENCE (reward): 0 where the policy's log-probabilities equal the reference's.
 * NUMERIC_GRADIENT: gradients are differences, not exact; hosts say so wherever they show them. */
enum { LOSSKIT_ROWWISE = 1, LOSSKIT_SHIFT_INVARIANT = 2, LOSSKIT_ZERO_AT_REFERENCE = 4, LOSSKIT_NUMERIC_GRADIENT = 8 };

/* One call of `compute`. The host owns every array; the component reads the inputs, writes output, gradients and state. */
typedef struct losskit_frame {
  size_t prompts, responses, references; /* G, K, R */
  const uint32_t *counts;        /* [G] responses each prompt has, 1...K, or NULL: K. What lies beyond is not read;
                                  * the component writes 0 there to outputs and gradients */
  const size_t *token_offsets;   /* [K*G + 1], ascending from 0; NULL where no declared column is per token */
  const double *parameters;      /* in declared order, within bounds */
  double *state;                 /* in declared order; read, then updated. The host keeps it after a training step and
                                  * drops it after an evaluation. The update comes before the use where the method says so */
  uint64_t seed;                 /* the only source of randomness: equal seeds, equal results */
  const double *const *inputs;   /* in declared order; NULL where an optional column is absent */
  double *output;                /* loss: [G]; reward: [K*G] */
  const double *cotangent;       /* of the output's extent; NULL: no gradients are wanted. It is what the host differentiates,
                                  * sum(cotangent * output); not a sample weight: it enters no batch statistic */
  double *const *gradients;      /* in declared order of inputs, overwritten with (d output / d input)^T cotangent;
                                  * an entry is NULL where that gradient is not wanted. NULL if cotangent is NULL */
} losskit_frame;

typedef struct losskit_component losskit_component;
struct losskit_component {
  uint32_t kind, flags;
  uint32_t min_responses, max_responses;    /* of a prompt; UINT32_MAX: no limit */
  uint32_t min_references, max_references;  /* columns per reference that it can use */
  const char *name;                         /* [a-z][a-z0-9]*(-[a-z0-9]+)* */
  const char *version, *summary;
  const char *citation;                     /* paper, equation; may be NULL */
  const char *documentation;                /* more than the summary, in paragraphs; may be NULL. Hosts know those that
                                             * begin with "Published:", "Neighbors:" (relations to others), "Elsewhere:"
                                             * (other libraries' variants), "Verified against" and "Unverified:" */
  const char *default_reward;               /* a loss's parameterization where the objective names none; NULL: reads no reward */
  size_t parameter_count, input_count, state_count;
  const losskit_parameter *const *parameters;
  const losskit_column *const *inputs;
  const losskit_state *const *state;
  const void *context;                      /* the plugin's own */

  /* Evaluates a batch. Any thread, any number of calls at once, on the same component too. Keeps nothing between calls
   * that could be noticed. A batch of 0 prompts is legal. A value that does not exist (log of a negative number) is an
   * error that names the prompt. */
  int32_t (*compute)(const losskit_component *self, const losskit_frame *frame, losskit_error *error);

  /* More that this component can do, by id ("losskit.formula/1"), or NULL. Any thread. NULL pointer: it has no extension. */
  const void *(*extension)(const losskit_component *self, const char *id);
};

/* ---- extension "losskit.formula/1" of a component: its formula ------------------------------------------------------ */

/* Operations of a formula. Slopes at kinks: 0 for ABS, RELU, CLAMP at theirs; see each in the manual.
 * ROW_INDEX counts prompts from 0. UNIFORM: in (0, 1), from seed, stream `a` and row. SELECT: b where a > 0, else c.
 * MAXIMUM and MINIMUM give the whole slope to the first operand on a tie. BATCH_SORTED ascends, and is stable.
 * TOKEN_SHORTEST is the length in tokens of the shortest response of the token's prompt. TOKEN_RANDOM_RANK is the token's
 * place, from 0, in a random order of its response's tokens: that of UNIFORM of stream `a`. */
enum {
  LOSSKIT_OP_CONSTANT = 0,       /* value */
  LOSSKIT_OP_INPUT = 1,          /* input a, slot b: rank k, or r*K + k per reference; 0 per prompt and per token
                                  * (r for a token column per reference) */
  LOSSKIT_OP_PARAMETER = 2,      /* parameter a */
  LOSSKIT_OP_STATE = 3,          /* state a, as it was before the call */
  LOSSKIT_OP_BATCH_COUNT = 4, LOSSKIT_OP_ROW_INDEX = 5, LOSSKIT_OP_UNIFORM = 6,
  LOSSKIT_OP_TOKEN_INDEX = 7, LOSSKIT_OP_TOKEN_COUNT = 8, LOSSKIT_OP_TOKEN_SHORTEST = 9,
  LOSSKIT_OP_TOKEN_RANDOM_RANK = 10,
  LOSSKIT_OP_ADD = 16, LOSSKIT_OP_SUBTRACT = 17, LOSSKIT_OP_MULTIPLY = 18, LOSSKIT_OP_DIVIDE = 19,
  LOSSKIT_OP_MINIMUM = 20, LOSSKIT_OP_MAXIMUM = 21,
  LOSSKIT_OP_NEGATE = 32, LOSSKIT_OP_EXP = 33, LOSSKIT_OP_EXPM1 = 34, LOSSKIT_OP_LOG = 35, LOSSKIT_OP_LOG1P = 36,
  LOSSKIT_OP_SQRT = 37, LOSSKIT_OP_TANH = 38, LOSSKIT_OP_SIGMOID = 39, LOSSKIT_OP_LOG_SIGMOID = 40,
  LOSSKIT_OP_SOFTPLUS = 41, LOSSKIT_OP_LOG1MEXP = 42, LOSSKIT_OP_ABS = 43, LOSSKIT_OP_SQUARE = 44, LOSSKIT_OP_RELU = 45,
  LOSSKIT_OP_FLOOR = 46, LOSSKIT_OP_STOP_GRADIENT = 47,
  LOSSKIT_OP_SELECT = 64, LOSSKIT_OP_CLAMP = 65, /* CLAMP: a to [b, c] */
  LOSSKIT_OP_BATCH_MEAN = 80, LOSSKIT_OP_BATCH_SORTED = 81
};

/* One node. a, b, c are indices of earlier nodes for an operation with operands, else as said above; unused ones are 0. */
typedef struct losskit_formula_node {
  uint32_t operation, a, b, c;
  double value;
} losskit_formula_node;

/* A component's formula for one K and R. rows says over what it is evaluated: LOSSKIT_PER_PROMPT (outputs: the loss, or the
 * K rewards) or LOSSKIT_PER_TOKEN (one output, summed over the tokens of a response to give its reward). */
typedef struct losskit_formula {
  uint32_t rows;
  size_t node_count, output_count;
  const losskit_formula_node *nodes;
  const uint32_t *outputs;        /* [output_count] nodes */
  const uint32_t *state_outputs;  /* [state_count] nodes: each state's value after the call */
} losskit_formula;

typedef struct losskit_formula_extension_v1 {
  /* Makes the formula and hands it to `receive`, once, before returning; the formula is borrowed until `receive` returns.
   * Real parameters stay symbols; `parameters` gives the integers, Booleans and choices, which change its form. Any thread. */
  int32_t (*trace)(const losskit_component *self, size_t responses, size_t references, const double *parameters,
                   void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error);
} losskit_formula_extension_v1;

/* ---- policies --------------------------------------------------------------------------------------------------------- */

/* UTF-8 of a known length, not terminated. */
typedef struct losskit_text {
  const char *bytes;
  size_t length;
} losskit_text;

/* An instance of a policy; the plugin's own. Created by create, load or copy, ended by destroy. The host uses one instance
 * from one thread at a time, and may use two instances at once. */
typedef struct losskit_policy losskit_policy;

/* The prompts and responses of a call, laid out as the columns are. */
typedef struct losskit_texts {
  size_t prompts, responses;
  const uint32_t *counts;           /* [G], or NULL: K each */
  const losskit_text *prompt;       /* [G] */
  const losskit_text *response;     /* [K*G] */
} losskit_texts;

/* One forward or backward call. */
typedef struct losskit_policy_frame {
  losskit_texts texts;
  const size_t *token_offsets;      /* [K*G + 1] from what measure returned; NULL where no column asked for is per token */
  size_t reference_count;           /* frozen instances of the same type, for columns that compare distributions */
  const losskit_policy *const *references;
  size_t column_count;
  const uint32_t *columns;          /* [column_count] indices into the type's columns */
  double *const *values;            /* forward writes values[i] for columns[i]; backward does not look at it */
  const double *const *gradients;   /* backward reads gradients[i], d objective / d columns[i]; NULL entry: none */
} losskit_policy_frame;

/* One optimizer update. The caller fills all but gradient_norm. */
typedef struct losskit_update {
  double learning_rate, weight_decay;
  double max_gradient_norm;         /* clip the global norm to this; infinity: do not */
  double gradient_norm;             /* returned: the norm before clipping */
} losskit_update;

/* Flags of a policy type. Trainable: it has backward, step, save and copy. */
enum { LOSSKIT_TRAINABLE = 1 };

typedef struct losskit_policy_type losskit_policy_type;
struct losskit_policy_type {
  uint32_t flags;
  const char *name, *version, *summary, *citation, *documentation;
  size_t parameter_count, column_count;
  const losskit_parameter *const *parameters;
  const losskit_column *const *columns;   /* what it can supply; a gradient is taken for the differentiable ones */
  const void *context;

  /* A new instance with fresh weights from `seed`. parameters: all, in declared order. NULL where nothing can be made anew. */
  int32_t (*create)(const losskit_policy_type *self, const double *parameters, uint64_t seed, losskit_policy **out, losskit_error *error);

  /* An instance from what lies at `path` (terminated UTF-8; a directory that save wrote, or a file). parameters: NaN where
   * the user gave none; one that contradicts what is stored is an error. */
  int32_t (*load)(const losskit_policy_type *self, const char *path, const double *parameters, losskit_policy **out, losskit_error *error);

  void (*destroy)(losskit_policy *policy);

  /* How many tokens of each response count ([K*G], the end token included, after truncation), and how many tokens of
   * prompt and response were cut to fit (truncated [K*G], may be NULL). An empty response is an error that names the prompt. */
  int32_t (*measure)(losskit_policy *policy, const losskit_texts *texts, uint32_t *token_counts, uint32_t *truncated, losskit_error *error);

  /* Writes the asked-for columns. keep != 0: backward may follow, keep what it needs; it replaces what was kept before. */
  int32_t (*forward)(losskit_policy *policy, const losskit_policy_frame *frame, int32_t keep, losskit_error *error);

  /* Adds the gradient of the weights to the instance's accumulators, for the batch of the last forward with keep. Gradients
   * of one log-probability that arrive per response and per token add up. NULL if not trainable. */
  int32_t (*backward)(losskit_policy *policy, const losskit_policy_frame *frame, losskit_error *error);

  /* Updates the weights by the accumulated gradient and clears it. A gradient that is not finite is an error: the weights
   * stay as they were, the accumulators are cleared. NULL if not trainable. */
  int32_t (*step)(losskit_policy *policy, losskit_update *update, losskit_error *error);

  /* Writes the instance into `directory`, which exists and is empty; with_optimizer != 0: what step keeps, too, so that
   * training goes on bit for bit. The host makes the whole directory appear at once. NULL if there is nothing to save. */
  int32_t (*save)(losskit_policy *policy, const char *directory, int32_t with_optimizer, losskit_error *error);

  /* A frozen copy to serve as a reference. NULL if not trainable. */
  int32_t (*copy)(const losskit_policy *policy, losskit_policy **out, losskit_error *error);

  /* weights of target <- alpha * source + (1 - alpha) * target; alpha may lie outside [0, 1]. NULL: cannot. */
  int32_t (*blend)(losskit_policy *target, const losskit_policy *source, double alpha, losskit_error *error);

  const void *(*extension)(const losskit_policy_type *self, const char *id);
};

/* ---- the plugin ------------------------------------------------------------------------------------------------------ */

/* A text in the objective grammar under a name, such as "dpo @ forward-kl". */
typedef struct losskit_objective {
  const char *name, *version, *summary, *citation, *documentation;
  const char *expression;
} losskit_objective;

typedef struct losskit_host {
  const char *name, *version;
  const void *(*extension)(const char *id);
} losskit_host;

typedef struct losskit_plugin {
  size_t component_count, policy_count, objective_count;
  const losskit_component *const *components;
  const losskit_policy_type *const *policies;
  const losskit_objective *const *objectives;
  const void *(*extension)(const char *id);
} losskit_plugin;

/* The one function a plugin exports; the ABI's major version is part of its name. Called once, from one thread, right after
 * the library is opened; returns what stays valid for the life of the process, or NULL after filling *error. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error);

#ifdef __cplusplus
}
#endif

/* ---- a loss or reward from one function: for what the ABI above can do without you knowing it ------------------------- */

/* One function and one macro line are a whole plugin:
 *
 *   #include "losskit_plugin.h"
 *
 *   static double my_loss(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
 *     const double margin = beta * (chosen - rejected);
 *     *d_chosen = -beta * losskit_sigmoid(-margin);
 *     *d_rejected = -*d_chosen;
 *     return -losskit_log_sigmoid(margin);
 *   }
 *   LOSSKIT_PAIRWISE_LOSS(my_loss, "my-loss", "One sentence.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
 *
 *   cc -O2 -shared -fPIC -o libmy-loss.so my_loss.c -lm
 *
 * The function gets its arguments, then the hyperparameters in the order of the line (at most 8), then where to write the
 * derivative by each argument. A line, once in a file and without a semicolon, is one of
 *
 *   LOSSKIT_PAIRWISE_LOSS(f, name, summary, ...)     f(chosen, rejected, ...): a loss of two rewards, unscaled
 *   LOSSKIT_MARGIN_LOSS(f, name, summary, ...)       f(margin, ...): a loss of chosen less rejected reward alone
 *   LOSSKIT_LOG_RATIO_REWARD(f, name, summary, ...)  f(log_ratio, ...): a reward, a function of log pi - log pi_ref
 *                                                    with f(0) = 0
 *
 * or the same with _NUMERIC at its end for a function that writes no derivatives: they are central differences then, the
 * component says NUMERIC_GRADIENT, and so do hosts. What is not a number is an error that names the prompt. Whatever
 * else a component needs (columns, rankings, state, the whole batch) is the ABI's, above. */

#include <math.h>
#include <stdio.h>

/* Hyperparameters of a line: name, default, (ends,) summary. SCALE is positive, and what rewards are multiplied by in
 * metrics; at most one. Any other is the fields of a losskit_parameter in parentheses. */
#define LOSSKIT_SCALE(name, initial, summary) \
  (name, NULL, summary, LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, initial, 0, INFINITY, NULL)
#define LOSSKIT_POSITIVE(name, initial, summary) \
  (name, NULL, summary, LOSSKIT_REAL, LOSSKIT_LOWER_OPEN, initial, 0, INFINITY, NULL)
#define LOSSKIT_NON_NEGATIVE(name, initial, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, 0, INFINITY, NULL)
#define LOSSKIT_BETWEEN(name, initial, lower, upper, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, lower, upper, NULL)
#define LOSSKIT_ANY(name, initial, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, -INFINITY, INFINITY, NULL)

/* 1 / (1 + exp(-x)) and its logarithm, without overflow or cancellation. */
static inline double losskit_sigmoid(double x) {
  const double small = exp(-fabs(x));
  return (x < 0 ? small : 1) / (1 + small);
}
static inline double losskit_log_sigmoid(double x) { return (x < 0 ? x : 0) - log1p(exp(-fabs(x))); }

/* Writes an error, unless it is NULL, and returns 1. prompt: -1 for none. Hosts put the component's name before it. */
static inline int32_t losskit_fail(losskit_error *error, int64_t prompt, const char *problem) {
  if (error) {
    error->prompt = prompt;
    snprintf(error->message, sizeof error->message, "%s", problem);
  }
  return 1;
}

/* The author's function behind one signature: the value for arguments x and parameters p, derivatives to d. */
typedef double (*losskit_row_function)(const double *x, const double *p, double *d);

/* Central differences, over the steps that were really made. */
static inline void losskit_differences(losskit_row_function row, int arguments, const double *x, const double *p, double *d) {
  for (int i = 0; i < arguments; i++) {
    const double step = 6e-6 + 1e-9 * fabs(x[i]);
    double above[2] = { x[0], x[1] }, below[2] = { x[0], x[1] }, unused[2];
    above[i] += step;
    below[i] -= step;
    d[i] = (row(above, p, unused) - row(below, p, unused)) / (above[i] - below[i]);
  }
}

/* `compute` of a component whose rows are pairs of numbers: rewards of a prompt, or log-probabilities of a response.
 * With one argument the function gets their difference. */
static inline int32_t losskit_compute_rows(const losskit_component *self, const losskit_frame *frame, losskit_error *error,
                                           losskit_row_function row, int arguments) {
  const int is_loss = self->kind == LOSSKIT_LOSS;
  const size_t prompts = frame->prompts, count = is_loss ? prompts : prompts * frame->responses;
  if (count == 0) return 0;
  const double *first = frame->inputs[0], *second = is_loss ? first + prompts : frame->inputs[1];
  double *gradient = frame->cotangent ? frame->gradients[0] : NULL;
  for (size_t i = 0; i < count; i++) {
    const size_t prompt = i % prompts, last_rank = is_loss ? 1 : i / prompts;
    const double weight = gradient ? frame->cotangent[i] : 0;
    double d[2] = { 0, 0 };
    frame->output[i] = 0;
    if (!frame->counts || frame->counts[prompt] > last_rank) {
      const double x[2] = { arguments == 2 ? first[i] : first[i] - second[i], second[i] };
      frame->output[i] = row(x, frame->parameters, d);
      if (isnan(frame->output[i])) return losskit_fail(error, (int64_t)prompt, "its value is not a number");
      if (weight != 0 && (self->flags & LOSSKIT_NUMERIC_GRADIENT)) losskit_differences(row, arguments, x, frame->parameters, d);
      if (weight != 0 && (isnan(d[0]) || isnan(d[1])))
        return losskit_fail(error, (int64_t)prompt, "its derivative is not a number");
    }
    if (!gradient) continue;
    gradient[i] = weight != 0 ? weight * d[0] : 0;
    if (is_loss) gradient[prompts + i] = weight != 0 ? weight * (arguments == 2 ? d[1] : -d[0]) : 0;
  }
  return 0;
}

/* What the entry function returns: NULL for a reward that is not 0 at log-ratio 0, where the reference is. */
static inline const losskit_plugin *losskit_export(const losskit_plugin *plugin, losskit_row_function row, losskit_error *error) {
  const losskit_component *component = plugin->components[0];
  double p[8] = { 0 }, x[2] = { 0, 0 }, d[2] = { 0, 0 };
  for (size_t i = 0; i < component->parameter_count; i++) p[i] = component->parameters[i]->initial;
  if (component->kind == LOSSKIT_LOSS || fabs(row(x, p, d)) < 1e-12) return plugin;
  losskit_fail(error, -1, "the reward of log-ratio 0 is not 0; subtract it");
  return NULL;
}

#define LOSSKIT_PAIRWISE_LOSS(function, name, ...) \
  LOSSKIT_ROW_(function(x[0], x[1] LOSSKIT_VALUES_(__VA_ARGS__), &d[0], &d[1])) \
  LOSSKIT_LOSS_(2, 0, name, __VA_ARGS__)
#define LOSSKIT_PAIRWISE_LOSS_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0], x[1] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_LOSS_(2, LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)
#define LOSSKIT_MARGIN_LOSS(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__), &d[0])) \
  LOSSKIT_LOSS_(1, LOSSKIT_SHIFT_INVARIANT, name, __VA_ARGS__)
#define LOSSKIT_MARGIN_LOSS_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_LOSS_(1, LOSSKIT_SHIFT_INVARIANT | LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)
#define LOSSKIT_LOG_RATIO_REWARD(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__), &d[0])) \
  LOSSKIT_REWARD_(0, name, __VA_ARGS__)
#define LOSSKIT_LOG_RATIO_REWARD_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_REWARD_(LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)

/* What the lines are made of. Names that end in '_' are nobody else's; behind a component's name come its summary and
 * its hyperparameters. */
#define LOSSKIT_ROW_(call) \
  static double losskit_row_(const double *x, const double *p, double *d) { \
    (void)p, (void)d; \
    return call; \
  }
#define LOSSKIT_LOSS_(arguments, flags, name, ...) \
  static const losskit_column losskit_column_ = { "reward", "implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }; \
  static const losskit_column *const losskit_inputs_[] = { &losskit_column_ }; \
  LOSSKIT_PLUGIN_(arguments, LOSSKIT_LOSS, flags, 2, 2, 0, "log-ratio", 1, name, __VA_ARGS__)
#define LOSSKIT_REWARD_(flags, name, ...) \
  static const losskit_column losskit_column_[] = { \
    { "policy_logp", "log-probability under the policy", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }, \
    { "reference_logp", "log-probability under the reference", LOSSKIT_PER_RESPONSE, LOSSKIT_PER_REFERENCE } }; \
  static const losskit_column *const losskit_inputs_[] = { &losskit_column_[0], &losskit_column_[1] }; \
  LOSSKIT_PLUGIN_(1, LOSSKIT_REWARD, LOSSKIT_ZERO_AT_REFERENCE | flags, 1, UINT32_MAX, 1, NULL, 2, name, __VA_ARGS__)
#define LOSSKIT_PLUGIN_(arguments, kind, flags, least, most, references, reward, columns, name, ...) \
  static int32_t losskit_compute_(const losskit_component *self, const losskit_frame *frame, losskit_error *error) { \
    return losskit_compute_rows(self, frame, error, losskit_row_, arguments); \
  } \
  static const losskit_parameter losskit_parameter_[9] = { \
    LOSSKIT_PARAMETERS_(__VA_ARGS__) { NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL } }; \
  static const losskit_parameter *const losskit_parameters_[] = { \
    &losskit_parameter_[0], &losskit_parameter_[1], &losskit_parameter_[2], &losskit_parameter_[3], \
    &losskit_parameter_[4], &losskit_parameter_[5], &losskit_parameter_[6], &losskit_parameter_[7] }; \
  static const losskit_component losskit_component_ = { \
    kind, LOSSKIT_ROWWISE | (flags), least, most, references, references, name, "1", LOSSKIT_FIRST_(__VA_ARGS__, 0), \
    NULL, NULL, reward, LOSSKIT_COUNT_(__VA_ARGS__), columns, 0, losskit_parameters_, losskit_inputs_, NULL, NULL, \
    losskit_compute_, NULL }; \
  static const losskit_component *const losskit_components_[] = { &losskit_component_ }; \
  static const losskit_plugin losskit_plugin_ = { 1, 0, 0, losskit_components_, NULL, NULL, NULL }; \
  const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) { \
    (void)host; \
    return losskit_export(&losskit_plugin_, losskit_row_, error); \
  }

#define LOSSKIT_FIRST_(first, ...) first
#define LOSSKIT_COUNT_(...) LOSSKIT_TENTH_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define LOSSKIT_TENTH_(a, b, c, d, e, f, g, h, i, tenth, ...) tenth
#define LOSSKIT_JOIN_(a, b) LOSSKIT_JOINED_(a, b)
#define LOSSKIT_JOINED_(a, b) a##b

/* , p[0], p[1] … as many as there are hyperparameters. */
#define LOSSKIT_VALUES_(...) LOSSKIT_JOIN_(LOSSKIT_VALUES_, LOSSKIT_COUNT_(__VA_ARGS__))
#define LOSSKIT_VALUES_0
#define LOSSKIT_VALUES_1 , p[0]
#define LOSSKIT_VALUES_2 LOSSKIT_VALUES_1, p[1]
#define LOSSKIT_VALUES_3 LOSSKIT_VALUES_2, p[2]
#define LOSSKIT_VALUES_4 LOSSKIT_VALUES_3, p[3]
#define LOSSKIT_VALUES_5 LOSSKIT_VALUES_4, p[4]
#define LOSSKIT_VALUES_6 LOSSKIT_VALUES_5, p[5]
#define LOSSKIT_VALUES_7 LOSSKIT_VALUES_6, p[6]
#define LOSSKIT_VALUES_8 LOSSKIT_VALUES_7, p[7]

/* { fields of the first }, { fields of the second }, … */
#define LOSSKIT_BRACED_(...) { __VA_ARGS__ },
#define LOSSKIT_PARAMETERS_(...) LOSSKIT_JOIN_(LOSSKIT_PARAMETERS_, LOSSKIT_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define LOSSKIT_PARAMETERS_0(summary)
#define LOSSKIT_PARAMETERS_1(summary, a) LOSSKIT_BRACED_ a
#define LOSSKIT_PARAMETERS_2(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_1(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_3(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_2(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_4(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_3(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_5(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_4(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_6(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_5(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_7(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_6(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_8(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_7(summary, __VA_ARGS__)
#endif
