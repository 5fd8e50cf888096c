import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "./root.js";
import { packedFiles } from "./tarballs.js";

/** The packages that pnpm installed in this checkout, each with all that it needs. */
const STORE = join(ROOT, "node_modules", ".pnpm", "node_modules");

/**
 * A folder in which some packages are installed as npm would install their tarballs, flat, with their dependencies and without
 * optional peers; but what is not ours is linked from this checkout, and not downloaded.
 */
export function folderWith(names: readonly string[]): { folder: string; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), "installed-"));
  const folder = join(root, "folder");
  const modules = join(folder, "node_modules");
  const tarballs = packedFiles();
  const tarballOf = (name: string): string | undefined => {
    const start = `/${name.replace("@", "").replace("/", "-")}-`;
    return tarballs.find(
      (file) => file.includes(start) && /^\d/.test(file.slice(file.indexOf(start) + start.length)),
    );
  };
  const installed = new Set<string>();
  const install = (name: string): void => {
    if (installed.has(name)) return;
    installed.add(name);
    const target = join(modules, name);
    const tarball = tarballOf(name);
    if (!tarball) {
      mkdirSync(dirname(target), { recursive: true });
      symlinkSync(realpathSync(join(STORE, name)), target);
      return;
    }
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
    const { bin = {}, dependencies = {} } = JSON.parse(readFileSync(join(target, "package.json"), "utf8"));
    for (const [program, file] of Object.entries<string>(bin)) {
      mkdirSync(join(modules, ".bin"), { recursive: true });
      symlinkSync(join(target, file), join(modules, ".bin", program));
    }
    for (const dependency of Object.keys(dependencies)) install(dependency);
  };
  for (const name of names) install(name);
  return { folder, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** The environment of a user's shell: vitest and pnpm leave theirs for their own processes. */
const userEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, HOME: process.env.HOME });

/** Runs a command as a user's shell does. */
export function runIn(folder: string, command: string, env = userEnvironment()) {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: folder, encoding: "utf8", env });
  return { status, stdout, stderr };
}
