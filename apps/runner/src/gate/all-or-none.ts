/**
 * Runs tasks at the same time. The first failure ends the others by their signal, and is thrown once all have ended.
 *
 * @param signal ends all of them
 * @returns the results in the order of the tasks
 */
export async function allOrNone<T>(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const runs = tasks.map(async (task) => {
    try {
      return await task(either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(runs);
  if (failed.signal.aborted) throw failed.signal.reason;
  return Promise.all(runs);
}
