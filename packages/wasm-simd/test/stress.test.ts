import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("./stress.mjs", import.meta.url));

/** Calls in a process of its own: one that never returns ends by the time limit. */
async function expectSameBits(seconds: number): Promise<void> {
  const args = [SCRIPT, "--seconds", String(seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 80_000 + seconds * 1000 });
  expect(stdout).toMatch(/^\d+ calls on \d+ threads, all as of one$/m);
}

const claim = "has the bits of one thread, and writes to no memory but its own, whatever was computed before";
it(claim, () => expectSameBits(2));
it(`${claim}, for a minute`, { tags: "nightly" }, () => expectSameBits(60));
