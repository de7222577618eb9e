/* The sizes of the released structs, frozen: a change of one is a change of the ABI. */
#include "losskit_plugin.h"

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(losskit_error) == 512, "losskit_error");
_Static_assert(sizeof(losskit_parameter) == 64, "losskit_parameter");
_Static_assert(sizeof(losskit_column) == 24, "losskit_column");
_Static_assert(sizeof(losskit_state) == 16, "losskit_state");
_Static_assert(sizeof(losskit_frame) == 96, "losskit_frame");
_Static_assert(sizeof(losskit_component) == 144, "losskit_component");
_Static_assert(sizeof(losskit_formula_node) == 24, "losskit_formula_node");
_Static_assert(sizeof(losskit_formula) == 48, "losskit_formula");
_Static_assert(sizeof(losskit_text) == 16, "losskit_text");
_Static_assert(sizeof(losskit_texts) == 40, "losskit_texts");
_Static_assert(sizeof(losskit_policy_frame) == 96, "losskit_policy_frame");
_Static_assert(sizeof(losskit_update) == 32, "losskit_update");
_Static_assert(sizeof(losskit_policy_type) == 176, "losskit_policy_type");
_Static_assert(sizeof(losskit_objective) == 48, "losskit_objective");
_Static_assert(sizeof(losskit_host) == 24, "losskit_host");
_Static_assert(sizeof(losskit_plugin) == 56, "losskit_plugin");
#endif
