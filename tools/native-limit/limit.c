/*
 * What this machine's processor can do in native code: the yardstick that `pnpm limit` holds gradients against.
 *
 *   limit time <float32|float64> <rows> <classes> <threads> <milliseconds>
 *     prints the nanoseconds of each gradient, one per line, after a warm-up
 *   limit gradient <float32|float64> <rows> <classes>
 *     reads logits (rows * classes) and labels (rows, int32) from stdin; writes loss (float64) and gradient to stdout
 *
 * Exits 2 for wrong usage, or where memory or input does not suffice.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* exp's polynomials are those of packages/wasm-simd: what differs is the processor's instructions. */

#define REAL float
#define NAME(x) x##_float32
#define BITS int32_t
#define BIAS 127
#define SHIFT 23
#define SMALLEST -87.3f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194442e-4f
static inline float nearest_float32(float x) { return rintf(x); }
static inline float power_series_float32(float r) {
  const float s = r * r;
  const float low = r * 0.166665211f + 0.49999994f;
  const float middle = r * 0.00836871658f + 0.041668389f;
  return 1 + r + s * (low + s * (middle + s * 0.00138146081f));
}
#include "kernel.h"
#undef REAL
#undef NAME
#undef BITS
#undef BIAS
#undef SHIFT
#undef SMALLEST
#undef LN2_HIGH
#undef LN2_LOW

#define REAL double
#define NAME(x) x##_float64
#define BITS int64_t
#define BIAS 1023
#define SHIFT 52
#define SMALLEST -708.0
#define LN2_HIGH 6.93147180369123816490e-1
#define LN2_LOW 1.90821492927058770002e-10
static inline double nearest_float64(double x) { return rint(x); }
static inline double power_series_float64(double r) {
  const double s = r * r;
  double even = s * 2.7630247274859504e-7 + 2.4801493101955578e-5;
  double odd = s * 2.50000633795847e-8 + 2.755758636039974e-6;
  even = s * even + 0.0013888888943627284;
  odd = s * odd + 0.00019841269506603288;
  even = s * even + 0.04166666666653017;
  odd = s * odd + 0.008333333333494446;
  even = s * even + 0.5000000000000011;
  odd = s * odd + 0.16666666666666413;
  return 1 + r + s * (even + r * odd);
}
#include "kernel.h"

static void fail(const char *what) {
  fprintf(stderr, "limit: %s\n", what);
  exit(2);
}

static int64_t whole(const char *text, int64_t most) {
  char *end;
  const long long value = strtoll(text, &end, 10);
  if (*end || value < 1 || value > most) fail("expected a whole number above 0, and not too large");
  return value;
}

static void *allocate(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!memory) fail("out of memory");
  memset(memory, 0, bytes);
  return memory;
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

struct task {
  int single;
  int64_t rows, classes;
  void *logits, *gradient;
  int32_t *labels;
};

static double run(const struct task *t) {
  return t->single ? gradient_float32(t->logits, t->labels, t->gradient, t->rows, t->classes)
                   : gradient_float64(t->logits, t->labels, t->gradient, t->rows, t->classes);
}

static struct task task_of(char **arguments) {
  struct task t = {.single = strcmp(arguments[0], "float32") == 0};
  if (!t.single && strcmp(arguments[0], "float64") != 0) fail("expected float32 or float64");
  t.rows = whole(arguments[1], INT32_MAX);
  t.classes = whole(arguments[2], INT32_MAX);
  const size_t bytes = (size_t)t.rows * (size_t)t.classes * (t.single ? 4 : 8);
  t.logits = allocate(bytes);
  t.gradient = allocate(bytes);
  t.labels = allocate((size_t)t.rows * sizeof *t.labels);
  return t;
}

/* Logits in [-2, 2]: what they are does not change what a call takes. */
static void fill(const struct task *t) {
  uint32_t state = 1;
  for (int64_t i = 0; i < t->rows * t->classes; i++) {
    state = state * UINT32_C(1664525) + UINT32_C(1013904223);
    const double value = state * (4 / 4294967296.0) - 2;
    if (t->single) ((float *)t->logits)[i] = (float)value;
    else ((double *)t->logits)[i] = value;
  }
  for (int64_t row = 0; row < t->rows; row++) t->labels[row] = (int32_t)(row % t->classes);
}

static void print_times(const struct task *t, int64_t nanoseconds) {
  volatile double loss = 0;
  const int64_t warm = now();
  do loss = run(t);
  while (now() - warm < nanoseconds / 4);
  const int64_t begun = now();
  for (int64_t start = begun; start - begun < nanoseconds; start = now()) {
    loss = run(t);
    printf("%lld\n", (long long)(now() - start));
  }
  (void)loss;
}

static void answer(const struct task *t) {
  const size_t size = t->single ? 4 : 8;
  const size_t count = (size_t)t->rows * (size_t)t->classes;
  if (fread(t->logits, size, count, stdin) != count) fail("too few logits");
  if (fread(t->labels, 4, (size_t)t->rows, stdin) != (size_t)t->rows) fail("too few labels");
  for (int64_t row = 0; row < t->rows; row++)
    if (t->labels[row] < 0 || t->labels[row] >= t->classes) fail("a label is not a class");
  const double loss = run(t);
  fwrite(&loss, sizeof loss, 1, stdout);
  fwrite(t->gradient, size, count, stdout);
}

int main(int count, char **arguments) {
  if (count == 7 && strcmp(arguments[1], "time") == 0) {
    const struct task t = task_of(arguments + 2);
    omp_set_num_threads((int)whole(arguments[5], 1024));
    fill(&t);
    print_times(&t, whole(arguments[6], 600000) * 1000000);
  } else if (count == 5 && strcmp(arguments[1], "gradient") == 0) {
    const struct task t = task_of(arguments + 2);
    answer(&t);
  } else {
    fail("expected: time <dtype> <rows> <classes> <threads> <milliseconds>, or gradient <dtype> <rows> <classes>");
  }
  return ferror(stdout) || fflush(stdout) ? 2 : 0;
}
