/* Constant types let the compiler choose the conversion outside the loops. */
static losskit_row_sums logit_sums(const void *row, int32_t type, const void *reference, int32_t reference_type,
                                   size_t count, int all) {
  if (reference) return sums_of(row, type, reference, reference_type, count, 1);
  if (all) return sums_of(row, type, NULL, 0, count, 1);
  if (type == LOSSKIT_FLOAT32) return sums_of(row, LOSSKIT_FLOAT32, NULL, 0, count, 0);
  if (type == LOSSKIT_FLOAT16) return sums_of(row, LOSSKIT_FLOAT16, NULL, 0, count, 0);
  return sums_of(row, LOSSKIT_BFLOAT16, NULL, 0, count, 0);
}

static void logit_gradient(const void *row, int32_t type, const void *reference, int32_t reference_type, size_t count,
                           const losskit_row_slopes *slopes, void *target) {
  if (reference) {
    gradient_of(row, type, reference, reference_type, count, slopes, target);
  } else if (type == LOSSKIT_FLOAT32) {
    gradient_of(row, LOSSKIT_FLOAT32, NULL, 0, count, slopes, target);
  } else if (type == LOSSKIT_FLOAT16) {
    gradient_of(row, LOSSKIT_FLOAT16, NULL, 0, count, slopes, target);
  } else {
    gradient_of(row, LOSSKIT_BFLOAT16, NULL, 0, count, slopes, target);
  }
}

static double get_logit(const void *row, int32_t type, size_t index) {
  return load_last(row, type, index, index + 1)[0];
}

static void set_logit(void *row, int32_t type, size_t index, double value) {
  store_last(row, type, index, index + 1, (vector)(float)value);
}
