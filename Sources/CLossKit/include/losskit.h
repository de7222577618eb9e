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
 * Rules that hold for every function here:
 *   - It returns 0, or 1 after filling *failure (which may be NULL: then nothing is written). It prints nothing, and neither
 *     traps nor throws, whatever values it is handed; but memory that a pointer claims must be there.
 *   - A process forked while no other thread is in a function of this library may go on using it in the child.
 *   - A handle is a number, not an address. One that was closed, or belongs to another kind of thing, is an error and never
 *     the handle of something else. An objective outlives its registry; what is closed while another thread is using it
 *     ends after that.
 *   - A struct of this header never changes and never grows: what is new gets a new name. Fields named reserved are 0.
 *
 * The comment of a function ends with tags, for threads and for memory:
 *   [any thread]               from any thread, any number of calls at once, on the same registry and objective too
 *   [borrows x]                x, and what it points to, is only read, and not kept after the call
 *   [writes x]                 x is the caller's memory; nothing else may use it during the call
 *   [keeps x]                  x is used after the call, for as long as the comment says
 *   [makes *x, ended by f]     *x is new and belongs to the caller, who ends it with f; it is NULL after an error
 *   [ends x]                   x must not be used any more
 *   [returns static memory]    the result stays valid as long as the process
 * `failure` is written in every call that fails.
 *
 * losskit_logprob.h has the functions between logits and log-probabilities. This header, that one and losskit_plugin.h, which
 * plugins are written against, can be included together.
 *
 * The batch. G prompts, each with up to K responses, best first; K = 2 is a pair (chosen, rejected), K = 1 unpaired feedback.
 * A column has an entry per prompt, response or token; one per reference has R times as many. It is ranked by responses:
 * response k of prompt g is at [k*G + g]; of reference r at [(r*K + k)*G + g]; a token t of that response is at
 * [token_offsets[k*G + g] + t], of reference r after r*T more, T = token_offsets[K*G]. Log-probabilities are in nats, sums
 * over the tokens of a response; lengths are in tokens. */
#ifndef LOSSKIT_H
#define LOSSKIT_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; losskit_version() is that of the library in use. A program may use a library whose major
 * version is its header's and whose minor version is not less. */
#define LOSSKIT_VERSION "1.0.0"
#define LOSSKIT_VERSION_MAJOR 1
#define LOSSKIT_VERSION_MINOR 0
#define LOSSKIT_VERSION_PATCH 0

/* The version of the library, such as "1.0.0".
 * [any thread] [returns static memory] */
const char *losskit_version(void);

/* What went wrong, in words for people: place, problem, remedy. The caller's memory. message is UTF-8, always terminated, cut
 * at a character where it is too long. prompt: the index of the prompt it concerns, -1 for none. */
typedef struct losskit_failure {
  int64_t prompt;
  char message[2040];
} losskit_failure;

/* Frees a text that a function of this library made. NULL: nothing happens.
 * [any thread] [ends text] */
void losskit_text_free(char *text);

/* ---- registries ------------------------------------------------------------------------------------------------------- */

/* Finds losses, rewards, policies and objectives by name. */
typedef struct losskit_registry_object *losskit_registry_ref;

/* Flags of a registry. DEFAULT_PATH: after `directories`, look into those of LOSSKIT_PLUGIN_PATH (absolute, separated by
 * colons; not in a program with more rights than its user) and into losskit/plugins beside liblosskit.so. */
enum { LOSSKIT_DEFAULT_PATH = 1 };

/* Where plugins come from. All zero: from nowhere but losskit_registry_add. A plugin runs with the rights of the program; a
 * file is opened only if it, and all directories above it, belong to root, the user or the owner of liblosskit.so and cannot be written
 * by others. */
typedef struct losskit_registry_options {
  const char *const *directories;      /* absolute; a name found in an earlier one hides the same name in a later one */
  size_t directory_count;
  const char *const *allowed_digests;  /* the SHA-256 sums, in hexadecimal, of the only files to be opened; NULL: any */
  size_t allowed_digest_count;
  uint32_t flags, reserved;
} losskit_registry_options;

/* Makes a registry; options may be NULL. Nothing is searched before the first name is looked up. What the libraries of the
 * directories offer is learned in processes of their own (losskit/losskit-index beside liblosskit.so) and kept in the user's cache
 * directory; this process opens those that it uses. losskit_registry_list names what cannot be used.
 * [any thread] [borrows options] [makes *registry, ended by losskit_registry_close] */
int32_t losskit_registry_open(const losskit_registry_options *options, losskit_registry_ref *registry,
                              losskit_failure *failure);

/* Opens a library by its path; what it offers comes before everything of the directories. Opening it again changes nothing.
 * Libraries stay open as long as the process.
 * [any thread] [borrows path] */
int32_t losskit_registry_add(losskit_registry_ref registry, const char *path, losskit_failure *failure);

/* All that is offered, as JSON: {"entries": [{"kind", "name", "version", "summary", "numeric_gradient", "library",
 * "shadowed_by", "conflicts_with"}], "problems": [{"path", "message"}]}.
 * [any thread] [makes *json, ended by losskit_text_free] */
int32_t losskit_registry_list(losskit_registry_ref registry, char **json, losskit_failure *failure);

/* All there is to know of a name, as `losskit describe --json` prints it: an array of one object for each kind of thing that has
 * the name.
 * [any thread] [borrows name] [makes *json, ended by losskit_text_free] */
int32_t losskit_registry_describe(losskit_registry_ref registry, const char *name, char **json, losskit_failure *failure);

/* A function of the program, whatever its type; it is called as its prototype says.
 * [any thread] */
typedef void (*losskit_function)(void);

/* Makes a function of the running program a loss or a reward, before everything of the directories. declaration: JSON with the keys of a
 * manifest NAME.losskit.json but `library`, such as {"name": "my-loss", "kind": "loss", "function": "double my_loss(double
 * chosen_reward, double rejected_reward, double beta = 0.1)"}. gradient: the function of the key "gradient"; NULL where there is
 * none, and the gradient is a difference. A prototype's argument `void *user_data` gets user_data.
 * The functions and user_data have to stay valid as long as the registry and all objectives made of them. They do not throw, exit or
 * call this registry.
 * [any thread] [borrows declaration] [keeps function, gradient, user_data] */
int32_t losskit_registry_add_function(losskit_registry_ref registry, const char *declaration, losskit_function function,
                                      losskit_function gradient, void *user_data, losskit_failure *failure);

/* Takes a function away again, so that its name is free; objectives made of it go on. kind: "loss" or "reward".
 * [any thread] [borrows name, kind] */
int32_t losskit_registry_remove_function(losskit_registry_ref registry, const char *name, const char *kind,
                                         losskit_failure *failure);

/* Closes a registry. NULL: nothing happens. Objectives made from it live on.
 * [any thread] [ends registry] */
int32_t losskit_registry_close(losskit_registry_ref registry, losskit_failure *failure);

/* ---- objectives ------------------------------------------------------------------------------------------------------- */

/* A sum of losses over one reward parameterization, every hyperparameter bound. It never changes. */
typedef struct losskit_objective_object *losskit_objective_ref;

/* Makes an objective from its text, such as "dpo(beta=0.1) + 0.2*sft(per=token) @ log-ratio". settings: further hyperparameters
 * ("beta=0.1", "dpo.beta=0.1"). reward: the parameterization where the text names none; may be NULL.
 * [any thread] [borrows text, settings, reward] [makes *objective, ended by losskit_objective_close] */
int32_t losskit_objective_open(losskit_registry_ref registry, const char *text, const char *const *settings,
                               size_t setting_count, const char *reward, losskit_objective_ref *objective,
                               losskit_failure *failure);

/* The resolved text: every name and every value in use.
 * [any thread] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_text(losskit_objective_ref objective, char **text, losskit_failure *failure);

/* The SHA-256 sum, in hexadecimal, of all that decides what is optimized: equal sums, equal objectives.
 * [any thread] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_hash(losskit_objective_ref objective, char **text, losskit_failure *failure);

/* Flags of an objective. ROWWISE: a prompt's loss depends on that prompt alone, so a batch may be split; otherwise evaluate
 * the whole optimizer batch at once. FUSED: it runs as one program. NUMERIC_GRADIENT: gradients are differences, not exact.
 * HAS_REWARD: it makes rewards. */
enum {
  LOSSKIT_OBJECTIVE_ROWWISE = 1,
  LOSSKIT_OBJECTIVE_FUSED = 2,
  LOSSKIT_OBJECTIVE_NUMERIC_GRADIENT = 4,
  LOSSKIT_OBJECTIVE_HAS_REWARD = 8
};

typedef struct losskit_objective_info {
  uint32_t flags, reserved;
  size_t min_responses, max_responses;  /* of a prompt; SIZE_MAX: no limit */
  size_t references;                    /* the least number of references it reads columns of */
  size_t column_count, state_count;
  double reward_scale;                  /* the factor of rewards in metrics: beta, or 1 */
} losskit_objective_info;

/* What an objective is like.
 * [any thread] [writes info] */
int32_t losskit_objective_describe(losskit_objective_ref objective, losskit_objective_info *info, losskit_failure *failure);

/* Extent of a column: [G], [K*G] or [T]. */
enum { LOSSKIT_COLUMN_PER_PROMPT = 0, LOSSKIT_COLUMN_PER_RESPONSE = 1, LOSSKIT_COLUMN_PER_TOKEN = 2 };

/* Flags of a column. OPTIONAL: a batch may lack it. DIFFERENTIABLE: there is a gradient by it. PER_REFERENCE: R times as long. */
enum { LOSSKIT_COLUMN_OPTIONAL = 1, LOSSKIT_COLUMN_DIFFERENTIABLE = 2, LOSSKIT_COLUMN_PER_REFERENCE = 4 };

typedef struct losskit_column_info {
  char name[120];  /* terminated */
  uint32_t extent, flags;
} losskit_column_info;

/* A column that the objective reads, by its index below info.column_count.
 * [any thread] [writes column] */
int32_t losskit_objective_column(losskit_objective_ref objective, size_t index, losskit_column_info *column,
                                 losskit_failure *failure);

/* The numbers that the objective keeps from step to step, as they are before the first one: info.state_count of them, which
 * `count` has to be. The state is the host's: it is handed to losskit_objective_evaluate and saved with a run.
 * [any thread] [writes state] */
int32_t losskit_objective_initial_state(losskit_objective_ref objective, double *state, size_t count,
                                        losskit_failure *failure);

/* The objective with its gradients in another form, as `losskit export` writes it: format "json" (the nodes, for a program that
 * builds the function itself), "python", "torch", "jax", "c" or "latex". It is for K responses and R references; 0: two
 * responses, or what comes nearest, and the references that it compares.
 * [any thread] [borrows format] [makes *text, ended by losskit_text_free] */
int32_t losskit_objective_export(losskit_objective_ref objective, const char *format, size_t responses, size_t references,
                                 char **text, losskit_failure *failure);

/* Closes an objective. NULL: nothing happens.
 * [any thread] [ends objective] */
int32_t losskit_objective_close(losskit_objective_ref objective, losskit_failure *failure);

/* ---- evaluation ------------------------------------------------------------------------------------------------------- */

/* How numbers are stored. Columns are FLOAT64 or FLOAT32, logits (losskit_logprob.h) any but FLOAT64. */
#ifndef LOSSKIT_NUMBER_TYPES
#define LOSSKIT_NUMBER_TYPES
enum { LOSSKIT_FLOAT64 = 0, LOSSKIT_FLOAT32 = 1, LOSSKIT_FLOAT16 = 2, LOSSKIT_BFLOAT16 = 3 };
#endif

/* Numbers in the host's memory, borrowed for one call: entry i lies `i * stride` bytes behind data. The stride may be any, negative
 * and (for what is read) 0 too; data need not be aligned. data NULL: there is no such array, all else is ignored. */
typedef struct losskit_array {
  void *data;
  ptrdiff_t stride;        /* in bytes */
  size_t count;            /* of entries; it has to be what the batch calls for */
  uint32_t type, reserved; /* LOSSKIT_FLOAT64 or LOSSKIT_FLOAT32 */
} losskit_array;

/* The index of losskit_column for an array that is the whole column. */
enum { LOSSKIT_WHOLE = -1 };

/* A column of a batch, or a part of one. The parts of a column are its K responses, for each reference: part r*K + k, of G entries
 * (of a column per token: the references, part r, of T entries). So chosen and rejected log-probabilities that lie in arrays
 * of their own are parts 0 and 1. All parts of a column are bound, or the whole. */
typedef struct losskit_column_binding {
  const char *name;        /* of the column; NULL: `column` is its index */
  uint32_t column;
  int32_t part;            /* LOSSKIT_WHOLE or the part */
  losskit_array values;    /* read */
  losskit_array gradient;  /* written with the gradient by it; without data: not wanted */
} losskit_column_binding;

/* A batch of borrowed columns. */
typedef struct losskit_batch {
  size_t prompts, responses, references; /* G, at least 1; K; R */
  const uint32_t *counts;                /* [G] responses each prompt has, 1...K; NULL: K each. What lies beyond is not read; its
                                          * gradient and reward are 0 */
  const size_t *token_offsets;           /* [K*G + 1], ascending from 0; NULL where no column is per token */
  const losskit_column_binding *columns;
  size_t column_count;
} losskit_batch;

/* A metric under TRL's name, such as rewards/margins. */
typedef struct losskit_metric {
  char name[56];  /* terminated */
  double value;
} losskit_metric;

/* What the gradients are of: the mean of the prompts' losses, or their sum. */
enum { LOSSKIT_MEAN = 0, LOSSKIT_SUM = 1 };

/* What is wanted of an evaluation, and what came of it. */
typedef struct losskit_results {
  losskit_array loss;       /* written: [G], the loss of each prompt; without data: not wanted */
  losskit_array rewards;    /* written: [K*G], the implicit rewards, unscaled; without data: not wanted */
  uint32_t reduction;       /* LOSSKIT_MEAN or LOSSKIT_SUM */
  uint32_t reserved;
  double mean_loss;         /* written */
  losskit_metric *metrics;  /* written: the metrics, as many as there is room for; NULL: not wanted */
  size_t metric_capacity;
  size_t metric_count;      /* written: the number of metrics there are; 0 where metrics is NULL */
} losskit_results;

/* Evaluates a batch. Columns that are whole, contiguous, aligned doubles are neither copied nor converted; so are gradients.
 *
 * state: state_count numbers, read, then overwritten with their values after the step; keep them after a training step. NULL and
 * 0: the objective's initial state, which is then dropped. seed: the only source of randomness; the number of the step does.
 * An error is one of a column that is missing, unknown, of another length or not finite; of a token_count that is no whole number
 * of 0 or more, or not what token_offsets say; of a label other than 0 and 1, or a probability outside 0 to 1; and of a loss, a
 * reward, a gradient or a mean loss that is not finite in the type of the array it is written to. Then the state is as it was
 * before, and what is in the arrays of results and gradients is not to be used. Messages count prompts and responses from 1,
 * failure->prompt from 0. Arrays that are written overlap with no other.
 * [any thread] [borrows batch] [writes state, results, and the gradients of the batch] */
int32_t losskit_objective_evaluate(losskit_objective_ref objective, const losskit_batch *batch, double *state,
                                   size_t state_count, uint64_t seed, losskit_results *results,
                                   losskit_failure *failure);

#ifdef __cplusplus
}
#endif
#endif
