import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { type Ended, temporaryFolder } from "./cli.js";

/** The backends of the bundles that are tested: the smallest with native code. */
export const BUNDLED = "wasm-simd,onnxruntime-cpu";

/** The largest size of such a bundle: it has to fit through the tools that people send files with. */
export const MOST_BYTES = 60e6;

/** A user without rights to anything, as far as root can become one. */
const NOBODY =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

/** Runs a command without any network and with nothing of this environment, as another user if that is possible. */
export function runIsolated(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Ended {
  const variables = Object.entries({ PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...env });
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [
      ...(NOBODY.length > 0 ? ["--net"] : ["--map-root-user", "--net"]),
      ...NOBODY,
      ...["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`)],
      ...command,
    ],
    { cwd, encoding: "utf8" },
  );
  return { code: status, stdout, stderr };
}

/** A folder that everybody may write to, and that is gone after the test. */
export function openFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  return folder;
}

/** The paths of all files in a folder, relative to it. */
export const listFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
