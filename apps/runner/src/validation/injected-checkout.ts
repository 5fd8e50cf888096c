import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../fs/make-folder.js";
import { REPOSITORY_ROOT } from "../fs/repository.js";
import type { Checkout } from "../gate/checkout.js";
import type { Injection } from "./injection.js";

/** A copy of this checkout that computes with a defect. It is removed when disposed of. */
export interface InjectedCheckout extends Checkout, Disposable {}

/**
 * Copies the checkout and its installed packages as hard links, which takes a second, and replaces its registry of
 * backends by one that uses `inject`.
 */
export function injectedCheckout(name: string, injection: Injection): InjectedCheckout {
  const reports = join(REPOSITORY_ROOT, "reports");
  makeFolder(reports);
  removeLeftovers(reports);
  const folder = mkdtempSync(join(reports, `${PREFIX}${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const parts = ["apps", "packages", "node_modules"].map((part) => join(REPOSITORY_ROOT, part));
    execFileSync("cp", ["-al", ...parts, folder]);
    const registry = join(folder, "apps", "runner", "dist", "plan", "backends.js");
    // A name of its own for the file shared with this checkout; the new file is not shared.
    renameSync(registry, registry.replace(/\.js$/, ".original.js"));
    writeFileSync(
      registry,
      `import { inject } from "../validation/injection.js";\nimport { BACKENDS as original } from "./backends.original.js";\nexport * from "./backends.original.js";\nexport const BACKENDS = inject(original, ${JSON.stringify(injection)});\n`,
    );
  } catch (error) {
    remove();
    throw error;
  }
  return { name, folder, [Symbol.dispose]: remove };
}

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
