import { useEffect } from "preact/hooks";
import { type Loaded, readText } from "./runs.js";

/** Follows a run that is going on, where the page is served by the program that watches it. */
export function useLive(isLive: boolean, update: (loaded: Loaded) => void): void {
  useEffect(() => {
    if (!isLive) return;
    const events = new EventSource("events");
    events.onmessage = async () => {
      const response = await fetch("results.json");
      if (response.ok) update(readText("this run", await response.text()));
    };
    return () => events.close();
  }, [isLive, update]);
}
