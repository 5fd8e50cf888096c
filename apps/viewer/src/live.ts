import { useEffect, useState } from "preact/hooks";
import { type Loaded, readText } from "./runs.js";

/** The pause before the state is loaded again, in milliseconds. */
const RETRY_MS = 500;

/**
 * Follows a run that is still measuring, where the page is served by the program that watches it.
 * @returns the problem with the connection; undefined while there is none
 */
export function useLive(isLive: boolean, update: (loaded: Loaded) => void): string | undefined {
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (!isLive) return;
    const events = new EventSource("events");
    const load = async () => {
      try {
        const response = await fetch("results.json");
        const text = await response.text();
        setProblem(response.ok ? undefined : `The run cannot be read any more: ${text}`);
        if (response.ok) update(readText("this run", text));
      } catch {
        // Once the connection is made again, the state is loaded in any case.
        if (events.readyState === EventSource.OPEN) setTimeout(load, RETRY_MS);
      }
    };
    // What changed while there was no connection was not announced.
    events.onopen = load;
    events.onmessage = load;
    events.onerror = () =>
      setProblem("The connection to report --serve is lost: the page shows the last state received.");
    return () => events.close();
  }, [isLive, update]);
  return problem;
}
