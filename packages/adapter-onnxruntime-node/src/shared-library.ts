import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The folders that the dynamic linker searches even without a cache (ld.so(8)). */
const DEFAULT_FOLDERS = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];

/** The file that the dynamic linker of this process would load for a name such as `libvulkan.so.1`. Never throws. */
export async function findLibrary(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const folders = (env.LD_LIBRARY_PATH ?? "").split(":").filter(Boolean);
  return (
    (await firstExisting(folders.map((folder) => join(folder, name)))) ??
    (await linkerCache()).find((file) => basename(file) === name) ??
    (await firstExisting(DEFAULT_FOLDERS.map((folder) => join(folder, name))))
  );
}

/** Lines `\tlibz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1`, of every architecture that it serves. */
async function linkerCache(): Promise<string[]> {
  const { stdout } = await run("/sbin/ldconfig", ["-p"]).catch(() => ({ stdout: "" }));
  return Array.from(stdout.matchAll(/ => (\S+)$/gm), ([, file]) => file ?? "");
}

/** A library's dependencies that the dynamic linker does not find, by name. @throws Error if `ldd` cannot tell. */
export async function missingDependencies(library: string): Promise<string[]> {
  const { stdout } = await run("ldd", [library]);
  return Array.from(stdout.matchAll(/^\s*(\S+) => not found$/gm), ([, name]) => name ?? "");
}

/** The first of the files that exists. */
export async function firstExisting(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await exists(file)) return file;
  return undefined;
}

export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
