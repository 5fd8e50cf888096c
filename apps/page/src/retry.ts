/** Pauses before an attempt is repeated, in milliseconds. */
const PAUSES_MS = [100, 200, 400, 800, 1600, 3200];

/**
 * Repeats what fails for a moment: browsers abort requests when the machine's network changes, even those to the machine itself.
 *
 * @throws what the last attempt throws
 */
export async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return attempt();
}

/** An answer with its whole body. */
interface Answer {
  readonly ok: boolean;
  readonly body: ArrayBuffer;
}

/**
 * Sends a request until its whole answer arrives. The server may receive it twice.
 *
 * @throws TypeError if no attempt succeeds
 */
export const fetchWithRetry = (address: string | URL, init?: RequestInit): Promise<Answer> =>
  retry(async () => {
    const response = await fetch(address, init);
    return { ok: response.ok, body: await response.arrayBuffer() };
  });
