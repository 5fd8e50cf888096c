import { setTimeout as sleep } from "node:timers/promises";

/** Waits for code that may never finish. @throws Error on timeout, and any error that the code throws before */
export async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const done = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new Error(`it was not done after ${timeoutMs / 1000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
