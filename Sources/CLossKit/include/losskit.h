/* losskit.h: LossKit for programs in any language. C11 and C++17, no dependency. Link with liblosskit.so (pkg-config losskit).
 *
 * A program opens plugins in a registry, makes an objective from its text ("cal-dpo(beta=0.01)"), and evaluates batches: the
 * loss of each prompt, the rewards, the mean loss and its gradient by every column that a policy supplies.
 *
 *   losskit_registry_options options = { .flags = LOSSKIT_DEFAULT_PATH };
 *   losskit_registry_ref registry;
 *   losskit_objective_ref objective;
 *   losskit_failure failure;
 *   if (losskit_registry_open(&options, &registry, &failure) != 0 ||
 *       losskit_objective_open(registry, "cal-dpo(beta=0.01)", NULL, 0, NULL, &objective, &failure) != 0)
 *     return puts(failure.message);
 *
 * Rules for every function here:
 *   - It returns 0 on success, or 1 after filling *failure (which may be NULL: nothing is written then). It prints nothing and
 *     neither traps nor throws, whatever values it gets; pointers must point to memory of the size they claim.
 *   - A process forked while no other thread is in a function of this library may go on using it in the child.
 *   - A handle is a number, not an address. Using a closed handle, or a handle of another kind, is an error; handles are never
 *     reused. An objective outlives its registry. Closing a handle that another thread is using takes effect after that use.
 *   - A released struct never changes or grows: additions get new names. Fields named reserved are 0.
 *
 * The comment of a function ends with tags for threads and memory:
 *   [any thread]               from any thread, any number of calls at once, on the same registry and objective too
 *   [borrows x]                x, and what it points to, is only read, and not kept after the call
 *   [writes x]                 x is the caller's memory; nothing else may use it during the call
 *   [keeps x]                  x is used after the call, for as long as the comment says
 *   [makes *x, ended by f]     *x is new and belongs to the caller, who ends it with f; it is NULL after an error
 *   [ends x]                   x must not be used any more
 *   [returns static memory]    the result stays valid until the process ends
 * Every call that fails writes `failure`.
 *
 * losskit_logprob.h has the functions between logits and log-probabilities. It, this header and losskit_plugin.h (for writing
 * plugins) can be included together.
 *
 * The batch. G prompts, each with up to K responses, best first; K = 2 is a pair (chosen, rejected), K = 1 unpaired feedback.
 * A column has an entry per prompt, response or token; a column per reference is R times as long. Columns are rank-major:
 * response k of prompt g is at [k*G + g]; of reference r at [(r*K + k)*G + g]; token t of that response is at
 * [token_offsets[k*G + g] + t], of reference r at r*T more, T = token_offsets[K*G]. Log-probabilities are in nats, summed
 * over the tokens of a response; lengths are in tokens. */
#ifndef LOSSKIT_H
#define LOSSKIT_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; losskit_version() is the version of the library in use. The library's major version must equal
 * the header's, and its minor version must not be less. */
#define LOSSKIT_VERSION "1.0.0"
#define LOSSKIT_VERSION_MAJOR 1
#define LOSSKIT_VERSION_MINOR 0
#define LOSSKIT_VERSION_PATCH 0

/* The version of the library, such as "1.0.0".
 * [any thread] [returns static memory] */
const char *losskit_version(void);

/* What went wrong: place, problem, remedy. The caller's memory. message is UTF-8, always terminated, cut at a character
 * boundary if too long. prompt: the index of the prompt it concerns, -1 for none. */
typedef struct losskit_failure {
  int64_t prompt;
  char message[2040];
} losskit_failure;

/* Frees a text that a function of this library made. NULL is allowed.
 * [any thread] [ends text] */
void losskit_text_free(char *text);

/* ---- registries ------------------------------------------------------------------------------------------------------- */

/* A registry, which finds losses, rewards, policies and objectives by name. */
typedef struct losskit_registry_object *losskit_registry_ref;

/* Flags of a registry. DEFAULT_PATH: after `directories`, search those in LOSSKIT_PLUGIN_PATH (absolute, separated by colons;
 * ignored in a program with more rights than its user), then losskit/plugins beside liblosskit.so. */
enum { LOSSKIT_DEFAULT_PATH = 1 };

/* Where plugins come from. All zero: only from losskit_registry_add. A plugin runs with the rights of the program; a file is
 * opened only if it, and all directories above it, belong to root, the user or the owner of liblosskit.so and others cannot
 * write them. */
typedef struct losskit_registry_options {
  const char *const *directories;      /* absolute; a name in an earlier directory shadows the same name in a later one */
  size_t directory_count;
  const char *const *allowed_digests;  /* SHA-256 sums, in hexadecimal, of the only files that may be opened; NULL: any */
  size_t allowed_digest_count;
  uint32_t flags, reserved;
} losskit_registry_options;

/* Makes a registry; options may be NULL. Directories are searched when the first name is looked up. Separate processes
 * (losskit/losskit-index beside liblosskit.so) find out what the libraries offer, and the result is cached in the user's cache
 * directory; this process opens only the libraries it uses. losskit_registry_list reports what cannot be used.
 * [any thread] [borrows options] [makes *registry, ended by losskit_registry_close] */
int32_t losskit_registry_open(const losskit_registry_options *options, losskit_registry_ref *registry,
                              losskit_failure *failure);

/* Opens a library by its path; it takes precedence over the directories. Opening it again changes nothing. Libraries stay open
 * until the process ends.
 * [any thread] [borrows path] */
int32_t losskit_registry_add(losskit_registry_ref registry, const char *path, losskit_failure *failure);

/* Everything the registry offers, as JSON: {"entries": [{"kind", "name", "version", "summary", "numeric_gradient", "library",
 * "shadowed_by", "conflicts_with"}], "problems": [{"path", "message"}]}.
 * [any thread] [makes *json, ended by losskit_text_free] */
int32_t losskit_registry_list(losskit_registry_ref registry, char **json, losskit_failure *failure);

/* The full description of a name, as `losskit describe --json` prints it: an array with one object for each kind that has the
 * name.
 * [any thread] [borrows name] [makes *json, ended by losskit_text_free] */
int32_t losskit_registry_describe(losskit_registry_ref registry, const char *name, char **json, losskit_failure *failure);

/* A function of the program, of any type; it is called according to its prototype.
 * [any thread] */
typedef void (*losskit_function)(void);

/* Registers a function of the running program as a loss or a reward; it takes precedence over the directories. declaration: JSON
 * with the keys of a manifest NAME.losskit.json except `library`, such as {"name": "my-loss", "kind": "loss", "function":
 * "double my_loss(double chosen_reward, double rejected_reward, double beta = 0.1)"}. gradient: the function of the key
 * "gradient"; NULL without one, and gradients are then finite differences. An argument `void *user_data` of a prototype gets
 * user_data. The functions and user_data must stay valid as long as the registry and all objectives made from them. They must
 * not throw, exit or call this registry.
 * [any thread] [borrows declaration] [keeps function, gradient, user_data] */
int32_t losskit_registry_add_function(losskit_registry_ref registry, const char *declaration, losskit_function function,
                                      losskit_function gradient, void *user_data, losskit_failure *failure);

/* Unregisters a function, which frees its name; objectives made from it keep working. kind: "loss" or "reward".
 * [any thread] [borrows name, kind] */
int32_t losskit_registry_remove_function(losskit_registry_ref registry, const char *name, const char *kind,
                                         losskit_failure *failure);

/* Closes a registry. NULL is allowed. Objectives made from it stay open.
 * [any thread] [ends registry] */
int32_t losskit_registry_close(losskit_registry_ref registry, losskit_failure *failure);

/* ---- objectives ------------------------------------------------------------------------------------------------------- */

/* A sum of losses over one reward parameterization, with every hyperparameter bound. Immutable. */
typedef struct losskit_objective_object *losskit_objective_ref;

/* Makes an objective from its text, such as "dpo(beta=0.1) + 0.2*sft(per=token) @ log-ratio". settings: further hyperparameters
 * ("beta=0.1", "dpo.beta=0.1"). reward: the parameterization if the text names none; may be NULL.
 * [any thread] [borrows text, settings, reward] [makes *objective, ended by losskit_objective_close] */
int32_t losskit_objective_open(losskit_registry_ref registry, const char *text, const char *const *settings,
                               size_t setting_count, const char *reward, losskit_objective_ref *objective,
                               losskit_failure *failure);

/* The resolved text: every name and value in use.
 * [any thread] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_text(losskit_objective_ref objective, char **text, losskit_failure *failure);

/* The SHA-256 sum, in hexadecimal, of everything that determines what is optimized: equal sums, equal objectives.
 * [any thread] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_hash(losskit_objective_ref objective, char **text, losskit_failure *failure);

/* Flags of an objective. ROWWISE: a prompt's loss depends only on that prompt, so a batch may be split; otherwise evaluate the
 * whole optimizer batch at once. FUSED: it runs as one program. NUMERIC_GRADIENT: gradients are finite differences, not exact.
 * HAS_REWARD: it computes rewards. */
enum {
  LOSSKIT_OBJECTIVE_ROWWISE = 1,
  LOSSKIT_OBJECTIVE_FUSED = 2,
  LOSSKIT_OBJECTIVE_NUMERIC_GRADIENT = 4,
  LOSSKIT_OBJECTIVE_HAS_REWARD = 8
};

typedef struct losskit_objective_info {
  uint32_t flags, reserved;
  size_t min_responses, max_responses;  /* per prompt; SIZE_MAX: no limit */
  size_t references;                    /* the least number of references a batch must have */
  size_t column_count, state_count;
  double reward_scale;                  /* the factor on rewards in metrics: beta, or 1 */
} losskit_objective_info;

/* The properties of an objective.
 * [any thread] [writes info] */
int32_t losskit_objective_describe(losskit_objective_ref objective, losskit_objective_info *info, losskit_failure *failure);

/* Extent of a column: [G], [K*G] or [T]. */
enum { LOSSKIT_COLUMN_PER_PROMPT = 0, LOSSKIT_COLUMN_PER_RESPONSE = 1, LOSSKIT_COLUMN_PER_TOKEN = 2 };

/* Flags of a column. OPTIONAL: a batch may lack it. DIFFERENTIABLE: it has a gradient. PER_REFERENCE: R times as long. */
enum { LOSSKIT_COLUMN_OPTIONAL = 1, LOSSKIT_COLUMN_DIFFERENTIABLE = 2, LOSSKIT_COLUMN_PER_REFERENCE = 4 };

typedef struct losskit_column_info {
  char name[120];  /* terminated */
  uint32_t extent, flags;
} losskit_column_info;

/* A column that the objective reads; index is less than info.column_count.
 * [any thread] [writes column] */
int32_t losskit_objective_column(losskit_objective_ref objective, size_t index, losskit_column_info *column,
                                 losskit_failure *failure);

/* The initial value of the state that the objective carries from step to step: `count` must be info.state_count. The host owns
 * the state: it passes it to losskit_objective_evaluate and saves it with a run.
 * [any thread] [writes state] */
int32_t losskit_objective_initial_state(losskit_objective_ref objective, double *state, size_t count,
                                        losskit_failure *failure);

/* The objective with its gradients as source, as `losskit export` writes it. format: "json" (the graph's nodes, for a program
 * that builds the function itself), "python", "torch", "jax", "c" or "latex". It is for K responses and R references; 0: two
 * responses, or the nearest number it takes, and the references it compares.
 * [any thread] [borrows format] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_export(losskit_objective_ref objective, const char *format, size_t responses, size_t references,
                                 char **text, losskit_failure *failure);

/* Closes an objective. NULL is allowed.
 * [any thread] [ends objective] */
int32_t losskit_objective_close(losskit_objective_ref objective, losskit_failure *failure);

/* ---- evaluation ------------------------------------------------------------------------------------------------------- */

/* Number types. Columns are FLOAT64 or FLOAT32, logits (losskit_logprob.h) any but FLOAT64. */
#ifndef LOSSKIT_NUMBER_TYPES
#define LOSSKIT_NUMBER_TYPES
enum { LOSSKIT_FLOAT64 = 0, LOSSKIT_FLOAT32 = 1, LOSSKIT_FLOAT16 = 2, LOSSKIT_BFLOAT16 = 3 };
#endif

/* Numbers in the host's memory, borrowed for one call: entry i is at byte `i * stride` from data. The stride may be any value,
 * negative too, and 0 if the array is only read; data need not be aligned. data NULL: no array; the other fields are ignored. */
typedef struct losskit_array {
  void *data;
  ptrdiff_t stride;        /* in bytes */
  size_t count;            /* of entries; must be what the batch requires */
  uint32_t type, reserved; /* LOSSKIT_FLOAT64 or LOSSKIT_FLOAT32 */
} losskit_array;

/* The index of losskit_column for an array that is the whole column. */
enum { LOSSKIT_WHOLE = -1 };

/* A column of a batch, or a part of one. The parts of a column are its K responses, for each reference: part r*K + k has G
 * entries (for a column per token, the parts are the references: part r has T entries). So chosen and rejected
 * log-probabilities in separate arrays are parts 0 and 1. Bind the whole column, or all its parts. */
typedef struct losskit_column_binding {
  const char *name;        /* of the column; NULL: `column` is its index */
  uint32_t column;
  int32_t part;            /* LOSSKIT_WHOLE or the part */
  losskit_array values;    /* read */
  losskit_array gradient;  /* written: the gradient with respect to values; without data: not computed */
} losskit_column_binding;

/* A batch of borrowed columns. */
typedef struct losskit_batch {
  size_t prompts, responses, references; /* G, at least 1; K; R */
  const uint32_t *counts;                /* [G] responses of each prompt, 1...K; NULL: K each. Entries past a prompt's last
                                          * response are not read; their gradient and reward are 0 */
  const size_t *token_offsets;           /* [K*G + 1], ascending from 0; NULL if no column is per token */
  const losskit_column_binding *columns;
  size_t column_count;
} losskit_batch;

/* A metric under TRL's name, such as rewards/margins. */
typedef struct losskit_metric {
  char name[56];  /* terminated */
  double value;
} losskit_metric;

/* Whether gradients are of the mean of the prompts' losses or of their sum. */
enum { LOSSKIT_MEAN = 0, LOSSKIT_SUM = 1 };

/* What an evaluation computes, and its results. */
typedef struct losskit_results {
  losskit_array loss;       /* written: [G], the loss of each prompt; without data: skipped */
  losskit_array rewards;    /* written: [K*G], the implicit rewards, unscaled; without data: skipped */
  uint32_t reduction;       /* LOSSKIT_MEAN or LOSSKIT_SUM */
  uint32_t reserved;
  double mean_loss;         /* written */
  losskit_metric *metrics;  /* written: up to metric_capacity metrics; NULL: skipped */
  size_t metric_capacity;
  size_t metric_count;      /* written: the number of available metrics; 0 if metrics is NULL */
} losskit_results;

/* Evaluates a batch. Columns that are whole, contiguous, aligned doubles are neither copied nor converted; nor are gradients.
 *
 * state: state_count numbers, read, then overwritten with their values after the step; keep them after a training step. NULL and
 * 0: the objective's initial state, whose update is dropped. seed: the only source of randomness, such as the step number.
 * Errors: a column that is missing, unknown, of the wrong length or not finite; a token_count that is not a whole number of at
 * least 0, or contradicts token_offsets; a label other than 0 and 1; a probability outside 0 to 1; and a loss, reward, gradient
 * or mean loss that is not finite in the type of the array it is written to. After an error the state is unchanged, and the
 * contents of results and gradients are unspecified. Messages count prompts and responses from 1, failure->prompt from 0.
 * Arrays that are written must not overlap any other.
 * [any thread] [borrows batch] [writes state, results, and the gradients of the batch] */
int32_t losskit_objective_evaluate(losskit_objective_ref objective, const losskit_batch *batch, double *state,
                                   size_t state_count, uint64_t seed, losskit_results *results,
                                   losskit_failure *failure);

/* Evaluates a batch that holds the responses prompt by prompt, as many as each prompt has: for rankings of different lengths, whose
 * K*G entries would be mostly empty. It is as losskit_objective_evaluate, but with S, the sum of `counts`, in place of K*G: a column
 * per response has S entries for each reference, of which response k of prompt g is number counts[0] + ... + counts[g-1] + k;
 * `rewards` has S entries and `token_offsets` S + 1, in the same order. The part of such a column is its reference. A call for metrics,
 * or of an objective that is not FUSED, copies the batch to K*G entries. Random numbers of a response depend on its place.
 * [any thread] [borrows batch] [writes state, results, and the gradients of the batch] */
int32_t losskit_objective_evaluate_ragged(losskit_objective_ref objective, const losskit_batch *batch, double *state,
                                          size_t state_count, uint64_t seed, losskit_results *results,
                                          losskit_failure *failure);

#ifdef __cplusplus
}
#endif
#endif
