#include "reduce.h"

#include <math.h>

enum { LANES = LOSSKIT_LANES_OF_SUM };

typedef double lanes8 __attribute__((ext_vector_type(LANES), aligned(8)));

static double identity(int32_t is_largest) { return is_largest ? -INFINITY : 0; }

/* Propagates NaN. */
static double larger(double a, double b) { return a >= b || a != a ? a : b; }

static void clear(losskit_reduction *r, int32_t is_largest) {
  for (int lane = 0; lane < LANES; lane++) r->lanes[lane] = identity(is_largest);
}

static double close_lanes(const double *lanes, int32_t is_largest) {
  if (!is_largest)
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  double largest = lanes[0];
  for (int lane = 1; lane < LANES; lane++) largest = larger(largest, lanes[lane]);
  return largest;
}

void losskit_reduction_open(losskit_reduction *r, const losskit_segments *s, int32_t is_largest, uint32_t coarse, uint32_t fine) {
  clear(r, is_largest);
  r->segment = coarse == LOSSKIT_EXTENT_BATCH ? (losskit_cursor){0, 0, SIZE_MAX} : losskit_first_segment(s, coarse, fine);
}

/* Adds rows of one segment; the first has index `position` in it. */
static void add_rows(losskit_reduction *r, int32_t is_largest, const double *rows, size_t position, size_t count) {
  size_t i = 0;
  if (is_largest) {
    for (; i < count; i++) {
      double *const lane = &r->lanes[(position + i) % LANES];
      *lane = larger(*lane, rows[i]);
    }
    return;
  }
  for (; i < count && (position + i) % LANES; i++) r->lanes[(position + i) % LANES] += rows[i];
  if (i + LANES <= count) {
    lanes8 sum = *(const lanes8 *)r->lanes;
    for (; i + LANES <= count; i += LANES) sum += *(const lanes8 *)(rows + i);
    *(lanes8 *)r->lanes = sum;
  }
  for (; i < count; i++) r->lanes[(position + i) % LANES] += rows[i];
}

void losskit_reduce(losskit_reduction *r, const losskit_segments *s, int32_t is_largest, uint32_t coarse, uint32_t fine,
                    const double *tile, size_t first, size_t rows, double *target) {
  for (size_t i = 0; i < rows;) {
    while (r->segment.end <= first + i) {
      target[r->segment.row] = close_lanes(r->lanes, is_largest);
      clear(r, is_largest);
      r->segment.row++;
      r->segment.start = r->segment.end;
      r->segment.end = losskit_first_row(s, coarse, r->segment.row + 1, fine);
    }
    const size_t left = r->segment.end - first;
    const size_t stop = left < rows ? left : rows;
    add_rows(r, is_largest, tile + i, first + i - r->segment.start, stop - i);
    i = stop;
  }
}

void losskit_reduction_close(losskit_reduction *r, const losskit_segments *s, int32_t is_largest, uint32_t coarse,
                             double *target) {
  const size_t segments = coarse == LOSSKIT_EXTENT_BATCH ? 1 : losskit_rows_of(s, coarse);
  for (size_t row = r->segment.row; row < segments; row++) {
    target[row] = close_lanes(r->lanes, is_largest);
    clear(r, is_largest);
  }
}

/* ---- Sweeps: each over the `count` rows of one segment --------------------------------------------------------------------- */

static void scan(const double *a, const double *b, double *y, size_t count, int32_t step) {
  double value = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t row = step > 0 ? i : count - 1 - i;
    y[row] = value = (a[row] == 0 ? 0 : a[row] * value) + b[row];
  }
}

static void scan_log_sum_exp(const double *a, double *y, size_t count, int32_t step) {
  double value = -INFINITY;
  for (size_t i = 0; i < count; i++) {
    const size_t row = step > 0 ? i : count - 1 - i;
    const double difference = fabs(a[row] - value);
    /* Two equal infinities have no difference. */
    y[row] = value = a[row] == value && isinf(value) ? value : larger(a[row], value) + log1p(exp(-difference));
  }
}

static void shift(const double *a, double *y, size_t count, int32_t step, double value) {
  for (size_t row = 0; row < count; row++) {
    const ptrdiff_t from = (ptrdiff_t)row - step;
    y[row] = from < 0 || from >= (ptrdiff_t)count ? value : a[from];
  }
}

static void first_largest(const double *a, double *y, size_t count) {
  size_t largest = 0;
  for (size_t row = 0; row < count; row++) {
    y[row] = 0;
    if (a[row] > a[largest] || (a[row] != a[row] && a[largest] == a[largest])) largest = row;
  }
  if (count > 0) y[largest] = 1;
}

/* Segments are responses or rankings, mostly short; long ones are sorted by a heap, in n log n. */
static int comes_before(const double *a, size_t left, size_t right) {
  if (a[left] != a[left] || a[right] != a[right]) {
    if ((a[left] != a[left]) != (a[right] != a[right])) return a[right] != a[right];
    return left < right;
  }
  return a[left] < a[right] || (a[left] == a[right] && left < right);
}

static void sift(const double *a, double *heap, size_t root, size_t count) {
  const double moved = heap[root];
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && comes_before(a, (size_t)heap[child], (size_t)heap[child + 1])) child++;
    if (!comes_before(a, (size_t)moved, (size_t)heap[child])) break;
    heap[root] = heap[child];
  }
  heap[root] = moved;
}

/* `rows` is scratch for as many doubles: it holds row numbers, which are exact. */
static void order(const double *a, double *rows, double *y, size_t count) {
  for (size_t row = 0; row < count; row++) rows[row] = (double)row;
  for (size_t root = count / 2; root-- > 0;) sift(a, rows, root, count);
  for (size_t last = count; last-- > 1;) {
    const double largest = rows[0];
    rows[0] = rows[last];
    rows[last] = largest;
    sift(a, rows, 0, last);
  }
  for (size_t place = 0; place < count; place++) y[(size_t)rows[place]] = (double)place;
}

void losskit_sweep_block(const losskit_sweep *sweep, const losskit_segments *s, const double *a, const double *b,
                         double *result) {
  for (size_t row = 0; row < losskit_rows_of(s, sweep->segment); row++) {
    const size_t start = losskit_first_row(s, sweep->segment, row, sweep->extent);
    const size_t count = losskit_first_row(s, sweep->segment, row + 1, sweep->extent) - start;
    switch (sweep->kind) {
    case LOSSKIT_SWEEP_SCAN: scan(a + start, b + start, result + start, count, sweep->step); break;
    case LOSSKIT_SWEEP_SCAN_LOG_SUM_EXP: scan_log_sum_exp(a + start, result + start, count, sweep->step); break;
    case LOSSKIT_SWEEP_SHIFT: shift(a + start, result + start, count, sweep->step, sweep->value); break;
    case LOSSKIT_SWEEP_PICK: result[row] = (size_t)sweep->step < count ? a[start + (size_t)sweep->step] : NAN; break;
    case LOSSKIT_SWEEP_FIRST_LARGEST: first_largest(a + start, result + start, count); break;
    case LOSSKIT_SWEEP_ORDER: order(a + start, (double *)b + start, result + start, count); break;
    }
  }
}
