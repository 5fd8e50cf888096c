import { constants } from "node:fs";
import { chmod, copyFile, cp, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NativeFile } from "@softmax-bench/core";
import { BUNDLE, type BundleManifest, MANIFEST_FILE } from "../fs/bundle-manifest.js";
import { REPOSITORY_ROOT } from "../fs/repository.js";
import { listFiles, type Target } from "./needed-files.js";
import type { NodeProgram } from "./node-program.js";
import type { PlacedPackage } from "./packages.js";
import { BENCH_SCRIPT, COMMAND_SCRIPT } from "./scripts.js";

/** The folder that a bundle unpacks to. */
export const BUNDLE_FOLDER = "softmax-bench";

/** Everything that a bundle consists of. */
export interface BundleContents {
  readonly runner: PlacedPackage;
  readonly target: Target;
  readonly nativeFiles: readonly NativeFile[];
  readonly node: NodeProgram;
  readonly manifest: BundleManifest;
}

/** A copy of a file. */
interface Copy {
  readonly from: string;
  /** Its path in the bundle. */
  readonly to: string;
  readonly executable?: boolean;
}

/** The files of a bundle that are copies of others. Folders among native files are one entry. */
export function listCopies({ runner, target, nativeFiles, node }: BundleContents): Copy[] {
  const native = (placed: PlacedPackage, at: string): Copy[] =>
    nativeFiles
      .filter((file) => file.package === placed.package.name)
      .map(({ source, path }) => ({ from: source, to: join(at, path) }));
  const copiesOf = (placed: PlacedPackage, at: string): Copy[] => [
    ...listFiles(placed.package, target).map((path) => ({
      from: join(placed.package.folder, path),
      to: join(at, path),
    })),
    ...native(placed, at),
    ...[...placed.children].flatMap(([name, child]) => copiesOf(child, join(at, "node_modules", name))),
  ];
  // A bundle has this project's licence where it puts it.
  const licence = BUNDLE
    ? fileURLToPath(new URL("../../../LICENSE", import.meta.url))
    : join(REPOSITORY_ROOT, "LICENSE");
  return [
    ...copiesOf(runner, "app"),
    { from: node.executable, to: "node/bin/node", executable: true },
    { from: node.licence, to: "node/LICENSE" },
    { from: licence, to: "LICENSE" },
  ];
}

/** Writes a bundle's folder. Everybody may read it. @throws the signal's reason if it is aborted */
export async function stage(folder: string, contents: BundleContents, signal: AbortSignal): Promise<void> {
  for (const { from, to, executable = false } of listCopies(contents)) {
    signal.throwIfAborted();
    const target = join(folder, to);
    await mkdir(dirname(target), { recursive: true });
    if ((await stat(from)).isDirectory()) {
      await cp(from, target, { recursive: true, mode: constants.COPYFILE_FICLONE });
      continue;
    }
    await copyFile(from, target, constants.COPYFILE_FICLONE);
    await chmod(target, executable ? 0o755 : 0o644);
  }
  await writeFile(join(folder, "app", MANIFEST_FILE), `${JSON.stringify(contents.manifest, null, 2)}\n`);
  for (const [name, script] of [
    ["bench", BENCH_SCRIPT],
    ["softmax-bench", COMMAND_SCRIPT],
  ] as const) {
    await writeFile(join(folder, name), script);
    await chmod(join(folder, name), 0o755);
  }
}
