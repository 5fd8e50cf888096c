import { useEffect, useState } from "preact/hooks";
import { type Loaded, readText } from "./runs.js";

/**
 * Follows a run that is still measuring, where the page is served by the program that watches it.
 * @returns the problem with the connection; undefined while there is none
 */
export function useLive(isLive: boolean, update: (loaded: Loaded) => void): string | undefined {
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (!isLive) return;
    const events = new EventSource("events");
    events.onopen = () => setProblem(undefined);
    events.onerror = () =>
      setProblem("The connection to report --serve is lost: the page shows the last state received.");
    events.onmessage = async () => {
      const response = await fetch("results.json");
      const text = await response.text();
      setProblem(response.ok ? undefined : `The run cannot be read any more: ${text}`);
      if (response.ok) update(readText("this run", text));
    };
    return () => events.close();
  }, [isLive, update]);
  return problem;
}
