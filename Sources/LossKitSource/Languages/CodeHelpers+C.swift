extension CodeHelpers {
  /// The helpers for C.
  static let c: [(name: String, source: String)] =
    operations(.c) + [
      (
        "lk_uniform",
        """
        /* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a number in (0, 1) that seed, stream and row decide. */
        static uint64_t lk_mix(uint64_t z) {
          z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
          z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
          return z ^ (z >> 31);
        }
        static double lk_uniform(uint64_t seed, uint64_t stream, uint64_t row) {
          const uint64_t step = UINT64_C(0x9E3779B97F4A7C15);
          return ((double)(lk_mix(lk_mix(seed + step * (stream + 1)) + step * (row + 1)) >> 11) + 0.5) * 0x1p-53;
        }
        """
      ),
      (
        "lk_random_rank",
        """
        /* The place of a row, from 0, among those of its response in the order of their uniform numbers. */
        static double lk_random_rank(uint64_t seed, uint64_t stream, size_t from, size_t to, size_t row) {
          const double key = lk_uniform(seed, stream, row);
          size_t rank = 0;
          for (size_t i = from; i < to; i++) {
            const double other = lk_uniform(seed, stream, i);
            if (other < key || (other == key && i < row)) rank++;
          }
          return (double)rank;
        }
        """
      ),
      (
        "lk_mean",
        """
        static double lk_sum(const double *x, size_t n) {
          double sum = 0;
          if (n > 32) return lk_sum(x, n / 2) + lk_sum(x + n / 2, n - n / 2);
          for (size_t i = 0; i < n; i++) sum += x[i];
          return sum;
        }
        static double lk_mean(const double *x, size_t n) { return n ? lk_sum(x, n) / (double)n : 0; }
        """
      ),
      (
        "lk_order",
        """
        typedef struct { double key; size_t row; } lk_entry;
        static int lk_compare(const void *a, const void *b) {
          const lk_entry *x = a, *y = b;
          int nan = (x->key != x->key) - (y->key != y->key);
          if (nan) return nan;
          if (x->key < y->key) return -1;
          if (x->key > y->key) return 1;
          return x->row < y->row ? -1 : 1;
        }
        static void lk_order(lk_entry *entries, const double *key, size_t n) {
          for (size_t i = 0; i < n; i++) entries[i] = (lk_entry){key[i], i};
          qsort(entries, n, sizeof *entries, lk_compare);
        }
        """
      ),
    ]
}
