import { type Parent, startMeasuring } from "../../page/src/measuring.js";
import type { FromMeasuring, MeasuringRole, ToMeasuring } from "./messages.js";

/** The measuring side, in a worker of the page. */
export function startWorker({ base, openedAt, port }: MeasuringRole): void {
  const post = (message: FromMeasuring, transfer: Transferable[] = []) =>
    port.postMessage(message, { transfer });
  let receiveInputs: ((bytes: Uint8Array | undefined) => void) | undefined;
  const parent: Parent = {
    readInputs: (from, bytes) =>
      new Promise((resolve) => {
        receiveInputs = resolve;
        post({ type: "read", from, bytes });
      }),
    sendResults: async (parts) =>
      post(
        { type: "results", parts },
        parts.map(({ buffer }) => buffer),
      ),
    fail: (reason) => post({ type: "failed", reason }),
  };
  const respond = startMeasuring({ base, openedAt, parent });
  port.addEventListener("message", async ({ data }: MessageEvent<ToMeasuring>) => {
    if (data.type === "inputs") return receiveInputs?.(data.bytes);
    const reply = await respond(data.request);
    if (reply !== undefined) post({ type: "reply", reply });
  });
  // What was sent before waits until now.
  port.start();
}
