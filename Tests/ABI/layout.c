/* The layout of every struct of the installed headers, and the value of every enumerator, on systems of 64 bits. What a release contains is
 * never changed here; what is new is added. Compiled as C and as C++. */
#include <losskit.h>
#include <losskit_logprob.h>
#include <losskit_plugin.h>
#ifdef __cplusplus
#define _Static_assert static_assert
#endif
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define FIELD(type, field, offset, size) \
  _Static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size), #type "." #field)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

/* ---- losskit.h ---- */

SIZE(losskit_failure, 2048);
FIELD(losskit_failure, prompt, 0, 8);
FIELD(losskit_failure, message, 8, 2040);

SIZE(losskit_registry_options, 40);
FIELD(losskit_registry_options, directories, 0, 8);
FIELD(losskit_registry_options, directory_count, 8, 8);
FIELD(losskit_registry_options, allowed_digests, 16, 8);
FIELD(losskit_registry_options, allowed_digest_count, 24, 8);
FIELD(losskit_registry_options, flags, 32, 4);
FIELD(losskit_registry_options, reserved, 36, 4);

SIZE(losskit_objective_info, 56);
FIELD(losskit_objective_info, flags, 0, 4);
FIELD(losskit_objective_info, reserved, 4, 4);
FIELD(losskit_objective_info, min_responses, 8, 8);
FIELD(losskit_objective_info, max_responses, 16, 8);
FIELD(losskit_objective_info, references, 24, 8);
FIELD(losskit_objective_info, column_count, 32, 8);
FIELD(losskit_objective_info, state_count, 40, 8);
FIELD(losskit_objective_info, reward_scale, 48, 8);

SIZE(losskit_column_info, 128);
FIELD(losskit_column_info, name, 0, 120);
FIELD(losskit_column_info, extent, 120, 4);
FIELD(losskit_column_info, flags, 124, 4);

SIZE(losskit_array, 32);
FIELD(losskit_array, data, 0, 8);
FIELD(losskit_array, stride, 8, 8);
FIELD(losskit_array, count, 16, 8);
FIELD(losskit_array, type, 24, 4);
FIELD(losskit_array, reserved, 28, 4);

SIZE(losskit_column_binding, 80);
FIELD(losskit_column_binding, name, 0, 8);
FIELD(losskit_column_binding, column, 8, 4);
FIELD(losskit_column_binding, part, 12, 4);
FIELD(losskit_column_binding, values, 16, 32);
FIELD(losskit_column_binding, gradient, 48, 32);

SIZE(losskit_batch, 56);
FIELD(losskit_batch, prompts, 0, 8);
FIELD(losskit_batch, responses, 8, 8);
FIELD(losskit_batch, references, 16, 8);
FIELD(losskit_batch, counts, 24, 8);
FIELD(losskit_batch, token_offsets, 32, 8);
FIELD(losskit_batch, columns, 40, 8);
FIELD(losskit_batch, column_count, 48, 8);

SIZE(losskit_metric, 64);
FIELD(losskit_metric, name, 0, 56);
FIELD(losskit_metric, value, 56, 8);

SIZE(losskit_results, 104);
FIELD(losskit_results, loss, 0, 32);
FIELD(losskit_results, rewards, 32, 32);
FIELD(losskit_results, reduction, 64, 4);
FIELD(losskit_results, reserved, 68, 4);
FIELD(losskit_results, mean_loss, 72, 8);
FIELD(losskit_results, metrics, 80, 8);
FIELD(losskit_results, metric_capacity, 88, 8);
FIELD(losskit_results, metric_count, 96, 8);

VALUE(LOSSKIT_DEFAULT_PATH, 1);

VALUE(LOSSKIT_OBJECTIVE_ROWWISE, 1);
VALUE(LOSSKIT_OBJECTIVE_FUSED, 2);
VALUE(LOSSKIT_OBJECTIVE_NUMERIC_GRADIENT, 4);
VALUE(LOSSKIT_OBJECTIVE_HAS_REWARD, 8);

VALUE(LOSSKIT_COLUMN_PER_PROMPT, 0);
VALUE(LOSSKIT_COLUMN_PER_RESPONSE, 1);
VALUE(LOSSKIT_COLUMN_PER_TOKEN, 2);

VALUE(LOSSKIT_COLUMN_OPTIONAL, 1);
VALUE(LOSSKIT_COLUMN_DIFFERENTIABLE, 2);
VALUE(LOSSKIT_COLUMN_PER_REFERENCE, 4);

VALUE(LOSSKIT_FLOAT64, 0);
VALUE(LOSSKIT_FLOAT32, 1);
VALUE(LOSSKIT_FLOAT16, 2);
VALUE(LOSSKIT_BFLOAT16, 3);

VALUE(LOSSKIT_WHOLE, -1);

VALUE(LOSSKIT_MEAN, 0);
VALUE(LOSSKIT_SUM, 1);

/* ---- losskit_plugin.h ---- */

SIZE(losskit_error, 512);
FIELD(losskit_error, prompt, 0, 8);
FIELD(losskit_error, message, 8, 504);

SIZE(losskit_parameter, 64);
FIELD(losskit_parameter, name, 0, 8);
FIELD(losskit_parameter, symbol, 8, 8);
FIELD(losskit_parameter, summary, 16, 8);
FIELD(losskit_parameter, type, 24, 4);
FIELD(losskit_parameter, flags, 28, 4);
FIELD(losskit_parameter, initial, 32, 8);
FIELD(losskit_parameter, lower, 40, 8);
FIELD(losskit_parameter, upper, 48, 8);
FIELD(losskit_parameter, choices, 56, 8);

SIZE(losskit_column, 24);
FIELD(losskit_column, name, 0, 8);
FIELD(losskit_column, summary, 8, 8);
FIELD(losskit_column, extent, 16, 4);
FIELD(losskit_column, flags, 20, 4);

SIZE(losskit_state, 16);
FIELD(losskit_state, name, 0, 8);
FIELD(losskit_state, initial, 8, 8);

SIZE(losskit_frame, 96);
FIELD(losskit_frame, prompts, 0, 8);
FIELD(losskit_frame, responses, 8, 8);
FIELD(losskit_frame, references, 16, 8);
FIELD(losskit_frame, counts, 24, 8);
FIELD(losskit_frame, token_offsets, 32, 8);
FIELD(losskit_frame, parameters, 40, 8);
FIELD(losskit_frame, state, 48, 8);
FIELD(losskit_frame, seed, 56, 8);
FIELD(losskit_frame, inputs, 64, 8);
FIELD(losskit_frame, output, 72, 8);
FIELD(losskit_frame, cotangent, 80, 8);
FIELD(losskit_frame, gradients, 88, 8);

SIZE(losskit_component, 144);
FIELD(losskit_component, kind, 0, 4);
FIELD(losskit_component, flags, 4, 4);
FIELD(losskit_component, min_responses, 8, 4);
FIELD(losskit_component, max_responses, 12, 4);
FIELD(losskit_component, min_references, 16, 4);
FIELD(losskit_component, max_references, 20, 4);
FIELD(losskit_component, name, 24, 8);
FIELD(losskit_component, version, 32, 8);
FIELD(losskit_component, summary, 40, 8);
FIELD(losskit_component, citation, 48, 8);
FIELD(losskit_component, documentation, 56, 8);
FIELD(losskit_component, default_reward, 64, 8);
FIELD(losskit_component, parameter_count, 72, 8);
FIELD(losskit_component, input_count, 80, 8);
FIELD(losskit_component, state_count, 88, 8);
FIELD(losskit_component, parameters, 96, 8);
FIELD(losskit_component, inputs, 104, 8);
FIELD(losskit_component, state, 112, 8);
FIELD(losskit_component, context, 120, 8);
FIELD(losskit_component, compute, 128, 8);
FIELD(losskit_component, extension, 136, 8);

SIZE(losskit_formula_node, 24);
FIELD(losskit_formula_node, operation, 0, 4);
FIELD(losskit_formula_node, a, 4, 4);
FIELD(losskit_formula_node, b, 8, 4);
FIELD(losskit_formula_node, c, 12, 4);
FIELD(losskit_formula_node, value, 16, 8);

SIZE(losskit_formula, 48);
FIELD(losskit_formula, rows, 0, 4);
FIELD(losskit_formula, node_count, 8, 8);
FIELD(losskit_formula, output_count, 16, 8);
FIELD(losskit_formula, nodes, 24, 8);
FIELD(losskit_formula, outputs, 32, 8);
FIELD(losskit_formula, state_outputs, 40, 8);

SIZE(losskit_formula_extension_v1, 8);
FIELD(losskit_formula_extension_v1, trace, 0, 8);

SIZE(losskit_text, 16);
FIELD(losskit_text, bytes, 0, 8);
FIELD(losskit_text, length, 8, 8);

SIZE(losskit_texts, 40);
FIELD(losskit_texts, prompts, 0, 8);
FIELD(losskit_texts, responses, 8, 8);
FIELD(losskit_texts, counts, 16, 8);
FIELD(losskit_texts, prompt, 24, 8);
FIELD(losskit_texts, response, 32, 8);

SIZE(losskit_policy_frame, 96);
FIELD(losskit_policy_frame, texts, 0, 40);
FIELD(losskit_policy_frame, token_offsets, 40, 8);
FIELD(losskit_policy_frame, reference_count, 48, 8);
FIELD(losskit_policy_frame, references, 56, 8);
FIELD(losskit_policy_frame, column_count, 64, 8);
FIELD(losskit_policy_frame, columns, 72, 8);
FIELD(losskit_policy_frame, values, 80, 8);
FIELD(losskit_policy_frame, gradients, 88, 8);

SIZE(losskit_update, 32);
FIELD(losskit_update, learning_rate, 0, 8);
FIELD(losskit_update, weight_decay, 8, 8);
FIELD(losskit_update, max_gradient_norm, 16, 8);
FIELD(losskit_update, gradient_norm, 24, 8);

SIZE(losskit_policy_type, 176);
FIELD(losskit_policy_type, flags, 0, 4);
FIELD(losskit_policy_type, name, 8, 8);
FIELD(losskit_policy_type, version, 16, 8);
FIELD(losskit_policy_type, summary, 24, 8);
FIELD(losskit_policy_type, citation, 32, 8);
FIELD(losskit_policy_type, documentation, 40, 8);
FIELD(losskit_policy_type, parameter_count, 48, 8);
FIELD(losskit_policy_type, column_count, 56, 8);
FIELD(losskit_policy_type, parameters, 64, 8);
FIELD(losskit_policy_type, columns, 72, 8);
FIELD(losskit_policy_type, context, 80, 8);
FIELD(losskit_policy_type, create, 88, 8);
FIELD(losskit_policy_type, load, 96, 8);
FIELD(losskit_policy_type, destroy, 104, 8);
FIELD(losskit_policy_type, measure, 112, 8);
FIELD(losskit_policy_type, forward, 120, 8);
FIELD(losskit_policy_type, backward, 128, 8);
FIELD(losskit_policy_type, step, 136, 8);
FIELD(losskit_policy_type, save, 144, 8);
FIELD(losskit_policy_type, copy, 152, 8);
FIELD(losskit_policy_type, blend, 160, 8);
FIELD(losskit_policy_type, extension, 168, 8);

SIZE(losskit_fact, 32);
FIELD(losskit_fact, name, 0, 16);
FIELD(losskit_fact, value, 16, 16);

VALUE(LOSSKIT_CHAT_GENERATE, 1);
VALUE(LOSSKIT_TEXTS_PLAIN, 0);
VALUE(LOSSKIT_TEXTS_RENDERED, 1);

SIZE(losskit_message, 48);
FIELD(losskit_message, role, 0, 16);
FIELD(losskit_message, content, 16, 16);
FIELD(losskit_message, members, 32, 16);

SIZE(losskit_conversation, 32);
FIELD(losskit_conversation, message_count, 0, 8);
FIELD(losskit_conversation, messages, 8, 8);
FIELD(losskit_conversation, tools, 16, 16);

SIZE(losskit_chat_extension_v1, 24);
FIELD(losskit_chat_extension_v1, has_template, 0, 8);
FIELD(losskit_chat_extension_v1, render, 8, 8);
FIELD(losskit_chat_extension_v1, set_text_form, 16, 8);

SIZE(losskit_identity_extension_v1, 8);
FIELD(losskit_identity_extension_v1, describe, 0, 8);

VALUE(LOSSKIT_FINISH_LENGTH, 0);
VALUE(LOSSKIT_FINISH_END, 1);

SIZE(losskit_sampling, 80);
FIELD(losskit_sampling, samples, 0, 8);
FIELD(losskit_sampling, max_tokens, 8, 8);
FIELD(losskit_sampling, batch_size, 16, 8);
FIELD(losskit_sampling, top_k, 24, 8);
FIELD(losskit_sampling, temperature, 32, 8);
FIELD(losskit_sampling, top_p, 40, 8);
FIELD(losskit_sampling, min_p, 48, 8);
FIELD(losskit_sampling, repetition_penalty, 56, 8);
FIELD(losskit_sampling, seed, 64, 8);
FIELD(losskit_sampling, first_prompt, 72, 8);

SIZE(losskit_sample, 64);
FIELD(losskit_sample, prompt, 0, 8);
FIELD(losskit_sample, number, 8, 8);
FIELD(losskit_sample, text, 16, 16);
FIELD(losskit_sample, token_count, 32, 8);
FIELD(losskit_sample, tokens, 40, 8);
FIELD(losskit_sample, finish, 48, 4);
FIELD(losskit_sample, policy_logp, 56, 8);

SIZE(losskit_sampling_extension_v1, 8);
FIELD(losskit_sampling_extension_v1, sample, 0, 8);

SIZE(losskit_objective, 48);
FIELD(losskit_objective, name, 0, 8);
FIELD(losskit_objective, version, 8, 8);
FIELD(losskit_objective, summary, 16, 8);
FIELD(losskit_objective, citation, 24, 8);
FIELD(losskit_objective, documentation, 32, 8);
FIELD(losskit_objective, expression, 40, 8);

SIZE(losskit_host, 24);
FIELD(losskit_host, name, 0, 8);
FIELD(losskit_host, version, 8, 8);
FIELD(losskit_host, extension, 16, 8);

SIZE(losskit_plugin, 56);
FIELD(losskit_plugin, component_count, 0, 8);
FIELD(losskit_plugin, policy_count, 8, 8);
FIELD(losskit_plugin, objective_count, 16, 8);
FIELD(losskit_plugin, components, 24, 8);
FIELD(losskit_plugin, policies, 32, 8);
FIELD(losskit_plugin, objectives, 40, 8);
FIELD(losskit_plugin, extension, 48, 8);

VALUE(LOSSKIT_REAL, 0);
VALUE(LOSSKIT_INTEGER, 1);
VALUE(LOSSKIT_BOOLEAN, 2);
VALUE(LOSSKIT_CHOICE, 3);

VALUE(LOSSKIT_LOWER_OPEN, 1);
VALUE(LOSSKIT_UPPER_OPEN, 2);
VALUE(LOSSKIT_REWARD_SCALE, 4);

VALUE(LOSSKIT_PER_PROMPT, 0);
VALUE(LOSSKIT_PER_RESPONSE, 1);
VALUE(LOSSKIT_PER_TOKEN, 2);

VALUE(LOSSKIT_OPTIONAL, 1);
VALUE(LOSSKIT_DIFFERENTIABLE, 2);
VALUE(LOSSKIT_PER_REFERENCE, 4);

VALUE(LOSSKIT_LOSS, 1);
VALUE(LOSSKIT_REWARD, 2);

VALUE(LOSSKIT_ROWWISE, 1);
VALUE(LOSSKIT_SHIFT_INVARIANT, 2);
VALUE(LOSSKIT_ZERO_AT_REFERENCE, 4);
VALUE(LOSSKIT_NUMERIC_GRADIENT, 8);

VALUE(LOSSKIT_OP_CONSTANT, 0);
VALUE(LOSSKIT_OP_INPUT, 1);
VALUE(LOSSKIT_OP_PARAMETER, 2);
VALUE(LOSSKIT_OP_STATE, 3);
VALUE(LOSSKIT_OP_BATCH_COUNT, 4);
VALUE(LOSSKIT_OP_ROW_INDEX, 5);
VALUE(LOSSKIT_OP_UNIFORM, 6);
VALUE(LOSSKIT_OP_TOKEN_INDEX, 7);
VALUE(LOSSKIT_OP_TOKEN_COUNT, 8);
VALUE(LOSSKIT_OP_TOKEN_SHORTEST, 9);
VALUE(LOSSKIT_OP_TOKEN_RANDOM_RANK, 10);
VALUE(LOSSKIT_OP_ADD, 16);
VALUE(LOSSKIT_OP_SUBTRACT, 17);
VALUE(LOSSKIT_OP_MULTIPLY, 18);
VALUE(LOSSKIT_OP_DIVIDE, 19);
VALUE(LOSSKIT_OP_MINIMUM, 20);
VALUE(LOSSKIT_OP_MAXIMUM, 21);
VALUE(LOSSKIT_OP_NEGATE, 32);
VALUE(LOSSKIT_OP_EXP, 33);
VALUE(LOSSKIT_OP_EXPM1, 34);
VALUE(LOSSKIT_OP_LOG, 35);
VALUE(LOSSKIT_OP_LOG1P, 36);
VALUE(LOSSKIT_OP_SQRT, 37);
VALUE(LOSSKIT_OP_TANH, 38);
VALUE(LOSSKIT_OP_SIGMOID, 39);
VALUE(LOSSKIT_OP_LOG_SIGMOID, 40);
VALUE(LOSSKIT_OP_SOFTPLUS, 41);
VALUE(LOSSKIT_OP_LOG1MEXP, 42);
VALUE(LOSSKIT_OP_ABS, 43);
VALUE(LOSSKIT_OP_SQUARE, 44);
VALUE(LOSSKIT_OP_RELU, 45);
VALUE(LOSSKIT_OP_FLOOR, 46);
VALUE(LOSSKIT_OP_STOP_GRADIENT, 47);
VALUE(LOSSKIT_OP_SELECT, 64);
VALUE(LOSSKIT_OP_CLAMP, 65);
VALUE(LOSSKIT_OP_BATCH_MEAN, 80);
VALUE(LOSSKIT_OP_BATCH_SORTED, 81);

VALUE(LOSSKIT_TRAINABLE, 1);

/* ---- losskit_logprob.h ---- */

SIZE(losskit_logits, 24);
FIELD(losskit_logits, values, 0, 8);
FIELD(losskit_logits, row_stride, 8, 8);
FIELD(losskit_logits, type, 16, 4);

SIZE(losskit_logprob, 136);
FIELD(losskit_logprob, logits, 0, 24);
FIELD(losskit_logprob, tokens, 24, 8);
FIELD(losskit_logprob, vocabulary, 32, 8);
FIELD(losskit_logprob, labels, 40, 8);
FIELD(losskit_logprob, mask, 48, 8);
FIELD(losskit_logprob, reference, 56, 24);
FIELD(losskit_logprob, threads, 80, 4);
FIELD(losskit_logprob, level, 84, 4);
FIELD(losskit_logprob, log_probability, 88, 8);
FIELD(losskit_logprob, log_sum_exp, 96, 8);
FIELD(losskit_logprob, entropy, 104, 8);
FIELD(losskit_logprob, log_collision, 112, 8);
FIELD(losskit_logprob, divergence, 120, 8);
FIELD(losskit_logprob, reference_log_sum_exp, 128, 8);

SIZE(losskit_logprob_cotangent, 32);
FIELD(losskit_logprob_cotangent, log_probability, 0, 8);
FIELD(losskit_logprob_cotangent, entropy, 8, 8);
FIELD(losskit_logprob_cotangent, log_collision, 16, 8);
FIELD(losskit_logprob_cotangent, divergence, 24, 8);

SIZE(losskit_logprob_error, 248);
FIELD(losskit_logprob_error, row, 0, 8);
FIELD(losskit_logprob_error, message, 8, 240);
