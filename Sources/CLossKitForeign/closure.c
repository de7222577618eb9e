#include <stdlib.h>

#include "types.h"

struct losskit_closure {
  ffi_cif cif;
  ffi_closure *closure;
  void *address;
  losskit_closure_body body;
  void *context;
  ffi_type *types[LOSSKIT_MOST_ARGUMENTS];
};

static void enter(ffi_cif *cif, void *result, void **arguments, void *data) {
  (void)cif;
  const losskit_closure *closure = data;
  closure->body(closure->context, result, arguments);
}

losskit_closure *losskit_closure_create(
    uint32_t result, const uint32_t *types, size_t count, losskit_closure_body body, void *context, int *out_of_memory) {
  *out_of_memory = 0;
  if (count > LOSSKIT_MOST_ARGUMENTS) return NULL;
  losskit_closure *made = calloc(1, sizeof *made);
  if (made) made->closure = ffi_closure_alloc(sizeof(ffi_closure), &made->address);
  if (!made || !made->closure) {
    *out_of_memory = 1;
    free(made);
    return NULL;
  }
  made->body = body;
  made->context = context;
  for (size_t j = 0; j < count; j++) made->types[j] = losskit_ffi_type(types[j]);
  if (ffi_prep_cif(&made->cif, FFI_DEFAULT_ABI, (unsigned)count, losskit_ffi_type(result), made->types) == FFI_OK &&
      ffi_prep_closure_loc(made->closure, &made->cif, enter, made, made->address) == FFI_OK) {
    return made;
  }
  losskit_closure_destroy(made);
  return NULL;
}

const void *losskit_closure_address(const losskit_closure *closure) { return closure->address; }

void losskit_closure_destroy(losskit_closure *closure) {
  if (!closure) return;
  ffi_closure_free(closure->closure);
  free(closure);
}
