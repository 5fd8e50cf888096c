import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ROOT } from "./root.js";
import { packedFolder } from "./tarballs.js";

/** The commands of an example's README that are run in the copy of its folder. */
function commandsIn(copy: string, tarballs: string): string[] {
  const readme = readFileSync(join(copy, "README.md"), "utf8");
  const [, inCopy = ""] = Array.from(readme.matchAll(/```sh\n([\s\S]*?)```/g), ([, code = ""]) => code);
  const [first, ...commands] = inCopy.trim().replaceAll("\\\n", "").split("\n");
  expect(first).toBe(`cd /tmp/${basename(copy)}`);
  return commands.map((command) => command.replaceAll("/tmp/softmax-bench", tarballs));
}

/** A copy of an example, which is gone after the test, and what the commands of its README print in it. */
export function followReadme(example: string): { copy: string; printed: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "own-code-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const copy = join(folder, example);
  const filter = (path: string) => !/node_modules|bench-results/.test(path);
  cpSync(join(ROOT, "examples", example), copy, { recursive: true, filter });
  const printed = commandsIn(copy, packedFolder()).map((command) => {
    // What vitest and pnpm leave in the environment is for their own processes.
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_prefer_offline: "true" };
    return execFileSync("sh", ["-c", command], { cwd: copy, encoding: "utf8", env, stdio: "pipe" });
  });
  return { copy, printed };
}
