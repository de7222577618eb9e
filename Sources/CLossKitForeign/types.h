/* The types LOSSKIT_C_… as libffi types, in memory and as doubles. */
#ifndef LOSSKIT_FOREIGN_TYPES_H
#define LOSSKIT_FOREIGN_TYPES_H
#include <ffi.h>

#include "losskit_foreign.h"

/* One argument, of any type. */
typedef union losskit_cell {
  double real;
  float single;
  int32_t int32;
  int64_t int64;
  size_t size;
  void *pointer;
} losskit_cell;

static inline ffi_type *losskit_ffi_type(uint32_t type) {
  switch (type) {
    case LOSSKIT_C_VOID: return &ffi_type_void;
    case LOSSKIT_C_DOUBLE: return &ffi_type_double;
    case LOSSKIT_C_FLOAT: return &ffi_type_float;
    case LOSSKIT_C_INT32: return &ffi_type_sint32;
    case LOSSKIT_C_INT64: return &ffi_type_sint64;
    case LOSSKIT_C_SIZE: return sizeof(size_t) == 8 ? &ffi_type_uint64 : &ffi_type_uint32;
    default: return &ffi_type_pointer;
  }
}

static inline size_t losskit_size_of(uint32_t type) {
  switch (type) {
    case LOSSKIT_C_FLOAT: return sizeof(float);
    case LOSSKIT_C_INT32: return sizeof(int32_t);
    case LOSSKIT_C_SIZE: return sizeof(size_t);
    default: return sizeof(double);
  }
}

/* Stores a number as a type; returns 0 if an integer type cannot represent it. */
static inline int losskit_store(losskit_cell *cell, uint32_t type, double x) {
  switch (type) {
    case LOSSKIT_C_FLOAT: cell->single = (float)x; return 1;
    case LOSSKIT_C_INT32:
      if (!(x >= INT32_MIN && x <= INT32_MAX)) return 0;
      cell->int32 = (int32_t)x;
      return cell->int32 == x;
    case LOSSKIT_C_INT64:
      if (!(x >= -0x1p62 && x <= 0x1p62)) return 0;
      cell->int64 = (int64_t)x;
      return cell->int64 == x;
    case LOSSKIT_C_SIZE:
      if (!(x >= 0 && x <= (sizeof(size_t) == 8 ? 0x1p62 : 0x1p31))) return 0;
      cell->size = (size_t)x;
      return cell->size == x;
    default: cell->real = x; return 1;
  }
}

static inline double losskit_load(const losskit_cell *cell, uint32_t type) {
  return type == LOSSKIT_C_FLOAT ? cell->single : cell->real;
}

#endif
