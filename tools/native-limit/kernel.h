/*
 * Fused forward and backward of softmax cross-entropy, mean over rows, for one element type: included once for each.
 *
 * The includer defines REAL, and NAME(x) for names of that type; exp's constants: LN2_HIGH and LN2_LOW, with ln 2 as their
 * sum, the high part short enough that n * LN2_HIGH is exact; SMALLEST, the least argument, whose result is still normal;
 * the type BITS of the exponent's field, its BIAS and SHIFT; the functions nearest and power_series, exp on
 * [-ln 2 / 2, ln 2 / 2].
 */

/* exp(x) for x <= 0. */
static inline REAL NAME(exponential)(REAL x) {
  x = x < SMALLEST ? SMALLEST : x;
  const REAL n = NAME(nearest)(x * (REAL)1.4426950408889634);
  const REAL r = (x - n * LN2_HIGH) - n * LN2_LOW;
  union {
    BITS bits;
    REAL value;
  } power = {.bits = ((BITS)n + BIAS) << SHIFT};
  return NAME(power_series)(r) * power.value;
}

/* Returns the loss. Three loops over a row, which stays in the cache: logits are read from memory once, the gradient is
 * written once. */
static double NAME(gradient)(const REAL *logits, const int32_t *labels, REAL *gradient, int64_t rows, int64_t classes) {
  double loss = 0;
#pragma omp parallel for schedule(static) reduction(+ : loss)
  for (int64_t row = 0; row < rows; row++) {
    const REAL *restrict x = logits + row * classes;
    REAL *restrict g = gradient + row * classes;
    const int64_t label = labels[row];
    REAL largest = x[0];
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < classes; i++) largest = x[i] > largest ? x[i] : largest;
    REAL sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < classes; i++) {
      const REAL e = NAME(exponential)(x[i] - largest);
      g[i] = e;
      sum += e;
    }
    const REAL factor = 1 / (sum * (REAL)rows);
#pragma omp simd
    for (int64_t i = 0; i < classes; i++) g[i] *= factor;
    g[label] -= 1 / (REAL)rows;
    loss += log((double)sum) - ((double)x[label] - (double)largest);
  }
  return loss / (double)rows;
}
