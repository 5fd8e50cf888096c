import { retry } from "../../page/src/retry.js";
import type { Loaded, Role } from "./messages.js";

addEventListener(
  "message",
  async ({ data }: MessageEvent<Role>) => {
    try {
      if (data.role === "parent") (await retry(() => import("./parent.js"))).startParent(data);
      else (await retry(() => import("./measuring.js"))).startWorker(data);
    } catch (error) {
      // The page receives an error, but no rejected promise.
      reportError(error);
    }
  },
  { once: true },
);

postMessage({ type: "loaded" } satisfies Loaded);
