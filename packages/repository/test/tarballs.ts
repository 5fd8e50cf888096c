import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { ROOT } from "./root.js";

const { packageManager, scripts } = z
  .object({ packageManager: z.string(), scripts: z.object({ tarballs: z.string(), release: z.string() }) })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

/** The arguments of the pnpm that a script ends with, after building. */
const pnpmArguments = (script: string): string[] => script.split("exec pnpm ")[1]?.split(" ") ?? [];

/**
 * Packs what is built into a folder, as `pnpm tarballs` does after building.
 *
 * @param more packages to pack besides
 * @returns the files
 */
export function packTarballs(folder: string, more: readonly string[] = []): string[] {
  const filters = more.flatMap((name) => ["--filter", name]);
  const args = ["-y", packageManager, ...filters, ...pnpmArguments(scripts.tarballs), folder];
  execFileSync("npx", args, { cwd: ROOT, stdio: "pipe" });
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Publishes what is built, as `pnpm release` does after building. @param settings those of npm, with the registry */
export async function publishPackages(settings: NodeJS.ProcessEnv): Promise<void> {
  const args = ["-y", packageManager, ...pnpmArguments(scripts.release), "--no-git-checks"];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings };
  await promisify(execFile)("npx", args, { cwd: ROOT, env });
}
