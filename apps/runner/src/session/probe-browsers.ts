import { type HostRecord, messageOf, Unavailable } from "@softmax-bench/core";
import { BROWSER_KINDS, type BrowserKind, findBrowser } from "@softmax-bench/host-browser";

/** The browsers of this machine, and a remedy for each missing one. Never throws. */
export const probeBrowsers = (): Promise<HostRecord[]> => Promise.all(BROWSER_KINDS.map(probeBrowser));

async function probeBrowser(id: BrowserKind): Promise<HostRecord> {
  try {
    const { name, version } = await findBrowser(id);
    return { id, status: "available", runtime: { name, version } };
  } catch (error) {
    const remedy = error instanceof Unavailable ? error.remedy : "repair what it says";
    return { id, status: "unavailable", reason: messageOf(error), remedy };
  }
}
