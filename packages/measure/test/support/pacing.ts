/** Those of mitata's options that decide when `measure` calls work and reads the clock. */
export interface Pacing {
  readonly now: () => number;
  readonly min_samples: number;
  readonly max_samples: number;
  readonly min_cpu_time: number;
  readonly batch_samples: number;
}

/**
 * Stands in for mitata's `measure` in simulations of many windows. It makes the same calls and reads the clock at the
 * same moments, but neither allocates 8 MiB nor compiles a function for each window.
 */
export async function measure(
  work: () => Promise<unknown>,
  { now, min_samples, max_samples, min_cpu_time, batch_samples }: Pacing,
): Promise<void> {
  // The calls of its warm-up.
  await work();
  await work();
  for (let [samples, spent] = [0, 0]; samples < max_samples; samples++) {
    if (samples >= min_samples && spent >= min_cpu_time) break;
    const start = now();
    for (let call = 0; call < batch_samples; call++) await work();
    spent += now() - start;
  }
}
