import type { Role } from "./messages.js";

addEventListener(
  "message",
  async ({ data }: MessageEvent<Role>) => {
    if (data.role === "parent") (await import("./parent.js")).startParent(data);
    else (await import("./measuring.js")).startWorker(data);
  },
  { once: true },
);
