/** Pauses before a request is sent again, in milliseconds. */
const PAUSES_MS = [100, 200, 400, 800, 1600, 3200];

/** An answer with its whole body. */
interface Answer {
  readonly ok: boolean;
  readonly body: ArrayBuffer;
}

/**
 * Sends a request, and sends it again if no whole answer arrives: browsers abort requests when the machine's network changes, even those
 * to the machine itself. The server may receive a request twice.
 *
 * @throws TypeError if the last attempt fails, too
 */
export async function fetchWithRetry(address: string | URL, init?: RequestInit): Promise<Answer> {
  for (const pause of PAUSES_MS) {
    try {
      return await fetchWhole(address, init);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return fetchWhole(address, init);
}

async function fetchWhole(address: string | URL, init?: RequestInit): Promise<Answer> {
  const response = await fetch(address, init);
  return { ok: response.ok, body: await response.arrayBuffer() };
}
