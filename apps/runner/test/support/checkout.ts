import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "./cli.js";

export const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/**
 * The whole checkout with what is installed in it, as hard links: made in a second, and a file that is replaced there
 * stays as it is here.
 */
export function copyOfCheckout() {
  const reports = join(ROOT, "reports");
  mkdirSync(reports, { recursive: true });
  const copy = mkdtempSync(join(reports, "checkout-"));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  execFileSync("cp", ["-al", ...["apps", "packages", "node_modules"].map((name) => join(ROOT, name)), copy]);
  return {
    main: join(copy, "apps", "runner", "dist", "main.js"),
    /** The folder of a package of which one version is installed. */
    folderOf(name: string): string {
      const store = join(copy, "node_modules", ".pnpm");
      const [entry] = readdirSync(store).filter((folder) => folder.startsWith(`${name.replace("/", "+")}@`));
      if (!entry) throw new Error(`${name} is not installed`);
      return join(store, entry, "node_modules", name);
    },
  };
}

/** A clone of this checkout with what is installed and built here, as hard links, and commits of its own. */
export function scratchClone(): string {
  const folder = join(temporaryFolder(), "clone");
  execFileSync("git", ["clone", "--quiet", "--shared", ROOT, folder], { stdio: "ignore" });
  // Without the files that the clone has: those of this checkout may have changes.
  for (const part of ["apps", "packages", "node_modules"]) {
    execFileSync("cp", ["-aln", join(ROOT, part), folder]);
  }
  return folder;
}
