import { type Parent, startMeasuring } from "../../page/src/measuring.js";
import type { FromMeasuring, MeasuringRole, ToMeasuring } from "./messages.js";

/** The measuring side, in a worker of the parent's. */
export function startWorker({ base, openedAt }: MeasuringRole): void {
  const post = (message: FromMeasuring, transfer: Transferable[] = []) => postMessage(message, { transfer });
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
  addEventListener("message", async ({ data }: MessageEvent<ToMeasuring>) => {
    if (data.type === "inputs") return receiveInputs?.(data.bytes);
    const reply = await respond(data.request);
    if (reply !== undefined) post({ type: "reply", reply });
  });
  post({ type: "ready" });
}
