import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { makeFolder } from "../../fs/make-folder.js";
import { REPOSITORY_ROOT } from "../../fs/repository.js";
import type { Checkout } from "../checkout.js";
import type { Injection } from "./injection.js";

/** The checkout that validates its gate. */
export const THIS_CHECKOUT: Checkout = { name: "this checkout", folder: REPOSITORY_ROOT };

/** A copy of this checkout that computes with a defect. It is removed when disposed of. */
export interface InjectedCheckout extends Checkout, Disposable {}

/**
 * Copies the checkout as hard links, which takes a moment, and replaces its registry of backends by one that uses `inject`.
 * What is installed in it is shared.
 *
 * @param where the registry: of processes, or of pages, whose bundle is rebuilt, in some seconds
 */
export function injectedCheckout(
  name: string,
  injection: Injection,
  where: keyof typeof REGISTRIES = "processes",
): InjectedCheckout {
  const reports = join(REPOSITORY_ROOT, "reports");
  makeFolder(reports);
  removeLeftovers(reports);
  const folder = mkdtempSync(join(reports, `${PREFIX}${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const parts = ["apps", "packages", "tsconfig.base.json"].map((part) => join(REPOSITORY_ROOT, part));
    copyAsLinks(parts, folder);
    symlinkSync(join(REPOSITORY_ROOT, "node_modules"), join(folder, "node_modules"));
    const { file, variable, injector, build } = REGISTRIES[where];
    const registry = join(folder, ...file);
    const extension = extname(registry);
    const original = registry.slice(0, -extension.length).concat(".original", extension);
    // A name of its own for the file shared with this checkout; the new file is not shared.
    renameSync(registry, original);
    const module = `./${basename(original, extension)}.js`;
    writeFileSync(
      registry,
      `import { inject } from "${injector}";\nimport { ${variable} as original } from "${module}";\nexport * from "${module}";\nexport const ${variable} = inject(original, ${JSON.stringify(injection)});\n`,
    );
    build(folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { name, folder, [Symbol.dispose]: remove };
}

/** Copies files and folders as hard links, except what is removed meanwhile: by an editor, by a test. */
function copyAsLinks(parts: readonly string[], folder: string): void {
  const env = { ...process.env, LC_ALL: "C" };
  const { error, status, signal, stderr } = spawnSync("cp", ["-al", ...parts, folder], {
    encoding: "utf8",
    env,
  });
  if (error) throw error;
  if (status === 0) return;
  const lines = stderr.split("\n").filter((line) => line !== "");
  const problems = lines.filter((line) => !line.endsWith(": No such file or directory"));
  if (signal || lines.length === 0 || problems.length > 0) {
    throw new Error(
      `cp ${signal ? `was killed by ${signal}` : `exited with ${status}`}: ${problems.join("; ")}`,
    );
  }
}

/** The registries of backends: of a process, as built, and of a page, as written. */
const REGISTRIES = {
  processes: {
    file: ["apps", "runner", "dist", "plan", "backends.js"],
    variable: "BACKENDS",
    injector: "../gate/validation/injection.js",
    build: () => {},
  },
  pages: {
    file: ["apps", "page", "src", "adapters.ts"],
    variable: "ADAPTERS",
    injector: "../../runner/dist/gate/validation/injection.js",
    build: (folder: string) => {
      const page = join(folder, "apps", "page");
      const vite = join(page, "node_modules", ".bin", "vite");
      execFileSync(vite, ["build", "--logLevel", "error"], { cwd: page });
    },
  },
} as const;

/** Prefix of a copy's folder; the id of its process follows. */
const PREFIX = "injected-";

/** Removes the copies of killed processes. */
function removeLeftovers(reports: string): void {
  for (const name of readdirSync(reports).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number.parseInt(name.slice(PREFIX.length), 10);
    if (!isRunning(pid)) rmSync(join(reports, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
