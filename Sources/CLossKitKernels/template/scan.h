/* Finds the first value of a kind. Groups of vectors are tested together; only a group with such a value is searched. */

enum { GROUP = 4 * LOSSKIT_LANES };

static size_t first_nonfinite(const double *values, size_t count) {
  size_t start = 0;
  for (; start + GROUP <= count; start += GROUP) {
    /* A finite number minus itself is 0, any other is NaN, and NaN persists in the sum. */
    vector sum = broadcast(0);
    for (size_t i = start; i < start + GROUP; i += LOSSKIT_LANES) sum += load(values + i) - load(values + i);
    if (__builtin_reduce_or(sum != 0)) break;
  }
  while (start < count && values[start] - values[start] == 0) start++;
  return start;
}

static size_t first_nan(const double *values, size_t count) {
  size_t start = 0;
  for (; start + GROUP <= count; start += GROUP) {
    mask found = (mask)0;
    for (size_t i = start; i < start + GROUP; i += LOSSKIT_LANES) found |= load(values + i) != load(values + i);
    if (__builtin_reduce_or(found)) break;
  }
  while (start < count && values[start] == values[start]) start++;
  return start;
}
