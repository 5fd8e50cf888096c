import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("./stress.mjs", import.meta.url));

// In a process of its own: a call that never returns ends by the time limit.
it("has the bits of one thread, and writes to no memory but its own, whatever was computed before", {
  timeout: 90_000,
}, async () => {
  const args = [SCRIPT, "--seconds", "15"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 80_000 });
  expect(stdout).toMatch(/^\d+ calls on \d+ threads, all as of one$/m);
});
