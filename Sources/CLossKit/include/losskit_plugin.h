/* losskit_plugin.h: the plugin ABI of LossKit, version 1. C11 and C++17, no dependency. The interface for hosts is losskit.h.
 *
 * A plugin is a shared library that exports one function, losskit_plugin_entry_v1, and through it any number of
 *   - losses and reward parameterizations ("components"): pure functions of (parameters, state, seed, columns);
 *   - policies, which compute log-probabilities and may be trainable;
 *   - named objectives: a name for a text in the objective grammar.
 *
 * The batch. G prompts, each with up to K responses, best first; K = 2 is a pair (chosen, rejected), K = 1 unpaired feedback.
 * Columns are contiguous doubles, rank-major: response k of prompt g is at [k*G + g]; of reference r at [(r*K + k)*G + g];
 * token t of that response is at [token_offsets[k*G + g] + t], of reference r at r*T more, T = token_offsets[K*G].
 *
 * Rules for every function pointer here:
 *   - It returns 0 on success, or another value after filling *error (which may be NULL: nothing is written then).
 *   - It does not throw, trap, exit, print, or change locale, signal handlers, rounding mode or working directory.
 *   - The descriptors and all they point to stay valid until the process ends.
 *   - A released struct never changes or grows: additions get new names, behind an extension id.
 *
 * The comment of a function ends with tags for threads and memory:
 *   [any thread]               from any thread, any number of calls at once, on the same descriptor too
 *   [one thread per policy]    from any thread; each policy that is passed in is in one call at a time
 *   [once per host]            called once by each host of the process, from one thread, before all else
 *   [borrows x]                x, and what it points to, is only read, and not kept after the call
 *   [writes x]                 x is the caller's memory; nothing else uses it during the call
 *   [keeps x]                  x stays valid until the process ends, and may be used after the call
 *   [makes *x, ended by f]     *x is new and belongs to the caller, who ends it with f; it is not looked at after an error
 *   [ends x]                   x is not used any more
 *   [returns static memory]    the result stays valid until the process ends
 * Every call that fails writes `error`, unless it is NULL.
 *
 * Log-probabilities are in nats, summed over the tokens of a response; lengths are in tokens. */
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
  double initial, lower, upper; /* bounds are closed unless flagged open; infinite: unbounded */
  const char *const *choices;  /* a choice's names, `upper + 1` of them; else NULL */
} losskit_parameter;

/* Extent of a column: [G], [K*G] or [T]. */
enum { LOSSKIT_PER_PROMPT = 0, LOSSKIT_PER_RESPONSE = 1, LOSSKIT_PER_TOKEN = 2 };

/* Flags of a column. Differentiable: the component returns a gradient for it. Per reference: R times the extent. */
enum { LOSSKIT_OPTIONAL = 1, LOSSKIT_DIFFERENTIABLE = 2, LOSSKIT_PER_REFERENCE = 4 };

/* Standard names: reward, policy_logp, reference_logp, token_count, score, label (1 desirable, 0 not), policy_token_logp,
 * reference_token_logp. The prefix mismatched_ denotes the same column for a response to another prompt; the host computes
 * mismatched_reward with the objective's own parameterization. */
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
 * ROWWISE: a prompt's output depends only on that prompt, so a host may split the batch; always true of a reward, unless it
 * draws random numbers, which its exported formula then shows.
 * SHIFT_INVARIANT (loss): adding one constant per prompt to all its rewards does not change the loss.
 * ZERO_AT_REFERENCE (reward): 0 if the policy's log-probabilities equal the reference's.
 * NUMERIC_GRADIENT: gradients are finite differences, not exact; hosts report this wherever they show them. */
enum { LOSSKIT_ROWWISE = 1, LOSSKIT_SHIFT_INVARIANT = 2, LOSSKIT_ZERO_AT_REFERENCE = 4, LOSSKIT_NUMERIC_GRADIENT = 8 };

/* One call of `compute`. The host owns every array; the component reads the inputs, writes output, gradients and state. */
typedef struct losskit_frame {
  size_t prompts, responses, references; /* G, K, R */
  const uint32_t *counts;        /* [G] responses of each prompt, 1...K, or NULL: K. Entries past a prompt's last response
                                  * are not read; the component writes 0 there to outputs and gradients */
  const size_t *token_offsets;   /* [K*G + 1], ascending from 0; NULL if no declared column is per token */
  const double *parameters;      /* in declared order, within bounds */
  double *state;                 /* in declared order; read, then updated. The host keeps it after a training step and
                                  * drops it after an evaluation. The update precedes the use if the method says so */
  uint64_t seed;                 /* the only source of randomness: equal seeds, equal results */
  const double *const *inputs;   /* in declared order; NULL for an absent optional column */
  double *output;                /* loss: [G]; reward: [K*G] */
  const double *cotangent;       /* of the output's extent; NULL: compute no gradients. The host differentiates
                                  * sum(cotangent * output). It is not a sample weight: it enters no batch statistic */
  double *const *gradients;      /* in declared order of inputs, overwritten with (d output / d input)^T cotangent;
                                  * NULL entry: not needed. NULL if cotangent is NULL */
} losskit_frame;

typedef struct losskit_component losskit_component;
struct losskit_component {
  uint32_t kind, flags;
  uint32_t min_responses, max_responses;    /* per prompt; UINT32_MAX: no limit */
  uint32_t min_references, max_references;  /* how many references it can use */
  const char *name;                         /* [a-z][a-z0-9]*(-[a-z0-9]+)* */
  const char *version, *summary;
  const char *citation;                     /* paper, equation; may be NULL */
  const char *documentation;                /* paragraphs that follow the summary; may be NULL. Hosts know those that
                                             * begin with "Published:", "Neighbors:" (relations to others), "Elsewhere:"
                                             * (other libraries' variants), "Verified against" and "Unverified:" */
  const char *default_reward;               /* a loss's parameterization if the objective names none; NULL: reads no reward */
  size_t parameter_count, input_count, state_count;
  const losskit_parameter *const *parameters;
  const losskit_column *const *inputs;
  const losskit_state *const *state;
  const void *context;                      /* the plugin's own */

  /* Evaluates a batch, without observable side effects between calls. A batch of 0 prompts is legal. An undefined value (log of a
   * negative number) is an error that names the prompt.
   * [any thread] [borrows self, frame] [writes output, gradients and state of the frame] */
  int32_t (*compute)(const losskit_component *self, const losskit_frame *frame, losskit_error *error);

  /* An extension of this component by id ("losskit.formula/1"); NULL if it has none by that id. NULL pointer: no extensions.
   * [any thread] [borrows self, id] [returns static memory] */
  const void *(*extension)(const losskit_component *self, const char *id);
};

/* ---- extensions ------------------------------------------------------------------------------------------------------ */

/* Additions to the structs of version 1 are found by an id, NAME/REVISION. An id stands for a struct that never changes; additions
 * get a new name or the next revision.
 *   - Each side asks only for ids it knows, the newest revision first. A host that only knows revision 1 never asks for 2.
 *   - Each side returns NULL for an id it does not know, and for a revision that cannot express what it has. A plugin that offers
 *     revision 2 also offers 1, wherever 1 can express the same.
 *   - No side requires an extension:
 *
 *   id                    of             since         a host that does not know it, or gets NULL:
 *   losskit.formula/1     a component    1.0.0         calls `compute`, and neither fuses, prints nor exports the component
 *   losskit.identity/1    a policy       after 1.0.0   tells instances apart by the bytes that save writes
 *   losskit.sampling/1    a policy       after 1.0.0   cannot draw responses from it */

/* ---- extension "losskit.formula/1" of a component: its formula ------------------------------------------------------ */

/* Operations of a formula. Slopes at kinks: 0 for ABS, RELU and CLAMP; see each operation in the manual.
 * ROW_INDEX counts prompts from 0. UNIFORM: in (0, 1), from seed, stream `a` and row. SELECT: b if a > 0, else c.
 * MAXIMUM and MINIMUM give the whole slope to the first operand on a tie. BATCH_SORTED is ascending and stable.
 * TOKEN_SHORTEST is the length in tokens of the shortest response of the token's prompt. TOKEN_RANDOM_RANK is the token's
 * place, from 0, in a random order of its response's tokens, given by UNIFORM of stream `a`. */
enum {
  LOSSKIT_OP_CONSTANT = 0,       /* value */
  LOSSKIT_OP_INPUT = 1,          /* input a, slot b: rank k, or r*K + k per reference; 0 per prompt and per token
                                  * (r for a token column per reference) */
  LOSSKIT_OP_PARAMETER = 2,      /* parameter a */
  LOSSKIT_OP_STATE = 3,          /* state a, its value before the call */
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

/* One node. a, b, c are indices of earlier nodes if the operation has operands, else as described above; unused ones are 0. */
typedef struct losskit_formula_node {
  uint32_t operation, a, b, c;
  double value;
} losskit_formula_node;

/* A component's formula for one K and R. rows is what it is evaluated for: LOSSKIT_PER_PROMPT (outputs: the loss, or the
 * K rewards) or LOSSKIT_PER_TOKEN (one output, summed over the tokens of a response to give its reward). */
typedef struct losskit_formula {
  uint32_t rows;
  size_t node_count, output_count;
  const losskit_formula_node *nodes;
  const uint32_t *outputs;        /* [output_count] nodes */
  const uint32_t *state_outputs;  /* [state_count] nodes: each state's value after the call */
} losskit_formula;

typedef struct losskit_formula_extension_v1 {
  /* Makes the formula and hands it to `receive`, once, from the same thread, before returning; the formula is borrowed until
   * `receive` returns. Real parameters stay symbols; `parameters` provides the integers, Booleans and choices, which may change its form.
   * [any thread] [borrows self, parameters, receive, context] */
  int32_t (*trace)(const losskit_component *self, size_t responses, size_t references, const double *parameters,
                   void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error);
} losskit_formula_extension_v1;

/* ---- policies --------------------------------------------------------------------------------------------------------- */

/* UTF-8 of a known length, not terminated. */
typedef struct losskit_text {
  const char *bytes;
  size_t length;
} losskit_text;

/* An instance of a policy, opaque to the host. Created by create, load or copy, ended by destroy. The host uses one instance
 * from one thread at a time, also as a reference of another, and may use two instances at once. */
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
  const size_t *token_offsets;      /* [K*G + 1], summed from measure's counts; NULL if no requested column is per token */
  size_t reference_count;           /* frozen instances of the same type, for columns that compare distributions */
  const losskit_policy *const *references;
  size_t column_count;
  const uint32_t *columns;          /* [column_count] indices into the type's columns */
  double *const *values;            /* forward writes values[i] for columns[i]; backward ignores it */
  const double *const *gradients;   /* backward reads gradients[i], d objective / d columns[i]; NULL entry: 0 */
} losskit_policy_frame;

/* One optimizer update. The caller fills all but gradient_norm. */
typedef struct losskit_update {
  double learning_rate, weight_decay;
  double max_gradient_norm;         /* clip the global norm to this; infinity: no clipping */
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
  const losskit_column *const *columns;   /* what it can supply; backward takes gradients of the differentiable ones */
  const void *context;

  /* A new instance with fresh weights from `seed`. parameters: all, in declared order. NULL if instances can only be loaded.
   * [any thread] [borrows self, parameters] [makes *out, ended by destroy] */
  int32_t (*create)(const losskit_policy_type *self, const double *parameters, uint64_t seed, losskit_policy **out, losskit_error *error);

  /* An instance from `path` (terminated UTF-8; a directory that save wrote, or a file). parameters: NaN where
   * the user gave none; one that contradicts what is stored is an error.
   * [any thread] [borrows self, path, parameters] [makes *out, ended by destroy] */
  int32_t (*load)(const losskit_policy_type *self, const char *path, const double *parameters, losskit_policy **out, losskit_error *error);

  /* Ends an instance.
   * [one thread per policy] [ends policy] */
  void (*destroy)(losskit_policy *policy);

  /* Counts the tokens of each response ([K*G], the end token included, after truncation), and how many tokens of
   * prompt and response were cut to fit (truncated [K*G], may be NULL). An empty response is an error that names the prompt.
   * [one thread per policy] [borrows texts] [writes policy, token_counts, truncated] */
  int32_t (*measure)(losskit_policy *policy, const losskit_texts *texts, uint32_t *token_counts, uint32_t *truncated, losskit_error *error);

  /* Writes the requested columns. keep != 0: backward may follow, so keep its activations, replacing any kept before.
   * [one thread per policy] [borrows frame] [writes policy, values of the frame] */
  int32_t (*forward)(losskit_policy *policy, const losskit_policy_frame *frame, int32_t keep, losskit_error *error);

  /* Adds the gradient of the weights to the instance's accumulators, for the batch of the last forward with keep. Gradients
   * of one log-probability that arrive per response and per token add up. NULL if not trainable.
   * [one thread per policy] [borrows frame] [writes policy] */
  int32_t (*backward)(losskit_policy *policy, const losskit_policy_frame *frame, losskit_error *error);

  /* Updates the weights by the accumulated gradient and clears it. A gradient that is not finite is an error: the weights
   * stay as they were, the accumulators are cleared. NULL if not trainable.
   * [one thread per policy] [writes policy, update] */
  int32_t (*step)(losskit_policy *policy, losskit_update *update, losskit_error *error);

  /* Writes the instance into `directory`, which exists and is empty; with_optimizer != 0: also the optimizer's state, so that
   * training resumes bit for bit. The host makes the whole directory appear atomically. NULL if there is nothing to save.
   * [one thread per policy] [borrows policy, directory] */
  int32_t (*save)(losskit_policy *policy, const char *directory, int32_t with_optimizer, losskit_error *error);

  /* A frozen copy to serve as a reference. NULL if not trainable.
   * [one thread per policy] [borrows policy] [makes *out, ended by destroy] */
  int32_t (*copy)(const losskit_policy *policy, losskit_policy **out, losskit_error *error);

  /* weights of target <- alpha * source + (1 - alpha) * target; alpha may lie outside [0, 1]. NULL if unsupported.
   * [one thread per policy] [borrows source] [writes target] */
  int32_t (*blend)(losskit_policy *target, const losskit_policy *source, double alpha, losskit_error *error);

  /* An extension of this policy by id ("losskit.identity/1"); NULL if it has none by that id. NULL pointer: no extensions.
   * [any thread] [borrows self, id] [returns static memory] */
  const void *(*extension)(const losskit_policy_type *self, const char *id);
};

/* ---- extension "losskit.identity/1" of a policy type: what an instance is --------------------------------------------- */

/* A named setting that affects results: an option, a precision, the digest of a base model. */
typedef struct losskit_fact {
  losskit_text name, value;
} losskit_fact;

typedef struct losskit_identity_extension_v1 {
  /* Passes what the instance is to `receive`, once, from the same thread, before returning; all of it is borrowed until
   * `receive` returns.
   *
   * facts: every setting in use, explicit or default, that affects results or training, except the weights. Names are distinct,
   * [a-z][a-z0-9_]*. Settings that affect no result (a time limit, paths) or only the order of sums (a number of threads) are
   * left out. A run can only be resumed with equal facts.
   *
   * identity: equal for two instances only if both give equal columns for equal texts, so it covers the weights and those
   * facts that columns depend on. It depends on these alone: a copy has the same one, and so has an instance loaded after save.
   * A step that moves weights changes it; optimizer state does not. 1 to 1024 bytes of UTF-8. NULL if the instance cannot
   * compute it: hosts then compare the bytes that save writes.
   * [one thread per policy] [borrows policy, receive, context] */
  int32_t (*describe)(losskit_policy *policy,
                      void (*receive)(void *context, const losskit_fact *facts, size_t fact_count, const losskit_text *identity),
                      void *context, losskit_error *error);
} losskit_identity_extension_v1;

/* ---- extension "losskit.chat/1" of a policy type: conversations as the model's template writes them ------------------- */

/* A message of a conversation. */
typedef struct losskit_message {
  losskit_text role;     /* "system", "user", "assistant", "tool" or another that the template knows */
  losskit_text content;
  losskit_text members;  /* the message's other members as a JSON object, such as {"tool_calls": [...]}; empty if it has none */
} losskit_message;

typedef struct losskit_conversation {
  size_t message_count;
  const losskit_message *messages;
  losskit_text tools;  /* the tools the model may call, as a JSON array; empty if there are none */
} losskit_conversation;

/* What comes before the assistant's next turn is added at the end. */
enum { LOSSKIT_CHAT_GENERATE = 1 };

/* What the texts of measure, forward, backward and samples are. PLAIN: the policy adds what its tokenizer puts before a text, and
 * an end token to a response. RENDERED: control tokens stand in the text; nothing is added. */
enum { LOSSKIT_TEXTS_PLAIN = 0, LOSSKIT_TEXTS_RENDERED = 1 };

typedef struct losskit_chat_extension_v1 {
  /* Returns 1 if the instance has a template, 0 if not: hosts then write conversations as transcripts.
   * [one thread per policy] [borrows policy] */
  int32_t (*has_template)(const losskit_policy *policy);

  /* Passes the text of each conversation to `receive`, in order, from the same thread, before returning; it is borrowed until
   * `receive` returns. Hosts render a prompt with GENERATE, and the prompt with each response without; what all these texts begin
   * with is the prompt's text, the rest of each is a response's. A conversation that the template refuses is an error with its
   * index as the prompt.
   * [one thread per policy] [borrows policy, conversations, receive, context] */
  int32_t (*render)(losskit_policy *policy, const losskit_conversation *conversations, size_t count, uint32_t flags,
                    void (*receive)(void *context, size_t index, const losskit_text *text), void *context, losskit_error *error);

  /* Sets what texts are from now on: PLAIN at first. A copy keeps it; save does not store it.
   * [one thread per policy] [writes policy] */
  int32_t (*set_text_form)(losskit_policy *policy, uint32_t form, losskit_error *error);
} losskit_chat_extension_v1;

/* ---- extension "losskit.sampling/1" of a policy type: responses drawn from the policy --------------------------------- */

/* How responses are drawn. Filters apply in this order: repetition penalty, temperature, top_k, top_p, min_p, softmax.
 * A policy rejects settings that it does not implement. */
typedef struct losskit_sampling {
  size_t samples;             /* responses per prompt, at least 1 */
  size_t max_tokens;          /* of a response, its end token included, at least 1; the context may be shorter */
  size_t batch_size;          /* responses computed at once, at least 1; affects time and memory only */
  size_t top_k;               /* draw from the most likely tokens, and those as likely as the last of them; 0: all */
  double temperature;         /* divides the logits; 0: the most likely token each time */
  double top_p;               /* in (0, 1]: draw from the smallest set of most likely tokens with this probability; 1: all */
  double min_p;               /* in [0, 1]: draw from tokens at least this likely, relative to the most likely; 0: all */
  double repetition_penalty;  /* positive; of tokens in prompt and response, positive logits are divided by it, negative ones
                               * multiplied; 1: none */
  uint64_t seed;
  uint64_t first_prompt;      /* the number of the call's first prompt; the others follow. A sample depends on the weights, the prompt,
                               * its number, the sample's number and the fields above, up to the order of sums */
} losskit_sampling;

/* Why a sample ends. LENGTH: at max_tokens or at the end of the context, without an end token. END: at an end token. */
enum { LOSSKIT_FINISH_LENGTH = 0, LOSSKIT_FINISH_END = 1 };

typedef struct losskit_sample {
  size_t prompt, number;      /* the index of the prompt in the call; the sample's number, from 0 */
  losskit_text text;          /* of the form that measure and forward take as a response; without the end token, may be empty */
  size_t token_count;         /* the end token included */
  const uint32_t *tokens;     /* [token_count]; NULL if the policy has no numbers of tokens */
  uint32_t finish;
  double policy_logp;         /* the sum of the tokens' log-probabilities under the policy: temperature 1, no filters */
} losskit_sample;

typedef struct losskit_sampling_extension_v1 {
  /* Passes each sample to `receive`, in any order, from the same thread, before returning; it is borrowed until `receive` returns.
   * Also passes NULL now and then, at least once a second where possible. If `receive` returns nonzero, the call ends soon,
   * successfully, without passing more. Prompts are of the form that measure and forward take. A prompt that leaves no room for
   * a token, and probabilities that are not numbers, are errors that name the prompt.
   * [one thread per policy] [borrows policy, sampling, prompts, receive, context] */
  int32_t (*sample)(losskit_policy *policy, const losskit_sampling *sampling, const losskit_text *prompts, size_t prompt_count,
                    int32_t (*receive)(void *context, const losskit_sample *sample), void *context, losskit_error *error);
} losskit_sampling_extension_v1;

/* ---- the plugin ------------------------------------------------------------------------------------------------------ */

/* A named text in the objective grammar, such as "dpo @ forward-kl". */
typedef struct losskit_objective {
  const char *name, *version, *summary, *citation, *documentation;
  const char *expression;
} losskit_objective;

typedef struct losskit_host {
  const char *name, *version;
  /* An extension of this host by id; NULL if it has none by that id. NULL pointer: no extensions.
   * [any thread] [borrows id] [returns static memory] */
  const void *(*extension)(const char *id);
} losskit_host;

typedef struct losskit_plugin {
  size_t component_count, policy_count, objective_count;
  const losskit_component *const *components;
  const losskit_policy_type *const *policies;
  const losskit_objective *const *objectives;
  /* An extension of the whole plugin by id; NULL if it has none by that id. NULL pointer: no extensions.
   * [any thread] [borrows id] [returns static memory] */
  const void *(*extension)(const char *id);
} losskit_plugin;

/* The one function a plugin exports; the ABI's major version is part of its name. Called right after the library is opened.
 * Returns NULL after filling *error.
 * [once per host] [keeps host] [returns static memory] */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error);

#ifdef __cplusplus
}
#endif

/* A loss or reward from one function and one line. */
#include "losskit_authoring.h"
#endif
