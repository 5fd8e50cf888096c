import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
import { z } from "zod";
import { ROOT } from "./root.js";

const { packageManager, scripts } = z
  .object({ packageManager: z.string(), scripts: z.object({ tarballs: z.string(), release: z.string() }) })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

/** The arguments of the pnpm that a script ends with, after building. */
const pnpmArguments = (script: string): string[] => script.split("exec pnpm ")[1]?.split(" ") ?? [];

/**
 * The folder of what users install, packed as `pnpm tarballs` does after building, and of `@softmax-bench/all`. Test files of one
 * process share it, as it takes seconds to make.
 */
export function packedFolder(): string {
  const folder = join(inject("tarballs"), String(process.pid));
  if (!existsSync(folder)) {
    const args = [
      "-y",
      packageManager,
      "--filter",
      "@softmax-bench/all",
      ...pnpmArguments(scripts.tarballs),
      folder,
    ];
    execFileSync("npx", args, { cwd: ROOT, stdio: "pipe" });
  }
  return folder;
}

/** The paths of the packed files. */
export const packedFiles = (): string[] =>
  readdirSync(packedFolder()).map((name) => join(packedFolder(), name));

/** Publishes what is built, as `pnpm release` does after building. @param settings those of npm, with the registry */
export async function publishPackages(settings: NodeJS.ProcessEnv): Promise<void> {
  const args = ["-y", packageManager, ...pnpmArguments(scripts.release), "--no-git-checks"];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings };
  await promisify(execFile)("npx", args, { cwd: ROOT, env });
}
