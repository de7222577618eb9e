/* The sizes of the structs that hosts use, frozen: a change of one is a change of the ABI. */
#include "losskit.h"
#include "losskit_plugin.h"

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(losskit_failure) == 2048, "losskit_failure");
_Static_assert(sizeof(losskit_registry_options) == 40, "losskit_registry_options");
_Static_assert(sizeof(losskit_objective_info) == 56, "losskit_objective_info");
_Static_assert(sizeof(losskit_column_info) == 128, "losskit_column_info");
_Static_assert(sizeof(losskit_array) == 32, "losskit_array");
_Static_assert(sizeof(losskit_column_binding) == 80, "losskit_column_binding");
_Static_assert(sizeof(losskit_batch) == 56, "losskit_batch");
_Static_assert(sizeof(losskit_metric) == 64, "losskit_metric");
_Static_assert(sizeof(losskit_results) == 104, "losskit_results");
#endif
