import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isUnavailable, type NativeFile } from "@softmax-bench/core";
import { PLATFORM, type ProvideOptions } from "@softmax-bench/provision";
import { currentCommit } from "../fs/repository.js";
import { BACKENDS } from "../plan/backends.js";
import { UsageError } from "../terminal/errors.js";
import { compressorFor, type WrittenFile, writeArchive } from "./archive.js";
import { BUNDLED_BACKENDS } from "./backends.js";
import { findNodeProgram } from "./node-program.js";
import { placePackages } from "./packages.js";
import { joinScript } from "./scripts.js";
import { BUNDLE_FOLDER, type BundleContents, listCopies, stage } from "./stage.js";

export const PLATFORMS = ["linux-x64", "linux-arm64"] as const;

export interface BundleRequest {
  /** In measuring order. */
  readonly backends: readonly string[];
  readonly platform: string;
  /** The beginning of Node's version. */
  readonly node: string;
  /** The archive's path. */
  readonly out: string;
  /** True to take CUDA's libraries along. */
  readonly cudaLibraries: boolean;
  /** Bytes of each part; undefined for one file. */
  readonly split?: number | undefined;
  /** True to replace an existing file. */
  readonly force: boolean;
}

/** A bundle that was written. */
export interface WrittenBundle {
  readonly parts: readonly WrittenFile[];
  readonly unpackedBytes: number;
  /** The version of its Node. */
  readonly node: string;
}

/**
 * Writes a folder with Node, the command line and a few backends as an archive, which needs nothing else on another
 * machine.
 *
 * @throws UsageError if a part of it cannot be had, or the archive cannot be written; then nothing is left of it
 */
export async function writeBundle(request: BundleRequest, options: ProvideOptions): Promise<WrittenBundle> {
  const { out, split, force } = request;
  const [folder, name] = [dirname(resolve(out)), basename(out)];
  const compressor = compressorFor(name);
  // The script that joins the parts has it unquoted.
  if (split !== undefined && !/^\w[\w.+-]*$/.test(name)) {
    throw new UsageError(
      `--split takes a name of letters, digits and .+-_ in --out, which begins with a letter, a digit or _, got ${JSON.stringify(name)}`,
    );
  }
  const existing = findExisting(folder, name);
  if (existing.length > 0 && !force) {
    throw new UsageError(`--out ${out}: ${existing[0]} exists; give --force to replace it`);
  }
  const scratch = makeScratch(folder, name);
  try {
    const contents = await collect(request, options);
    const unpackedBytes = listCopies(contents).reduce((sum, { from }) => sum + sizeOf(from), 0);
    // The unpacked folder, and the archive at its largest.
    requireSpace(folder, 2 * unpackedBytes);
    options.progress(`copying ${megabytes(unpackedBytes)}`);
    const tree = join(scratch, "tree");
    await stage(join(tree, BUNDLE_FOLDER), contents, options.signal);
    options.progress("compressing");
    const { parts, sha256 } = await writeArchive(tree, BUNDLE_FOLDER, {
      folder: scratch,
      compressor,
      partBytes: split ?? Number.POSITIVE_INFINITY,
      nameOf: (part) => (split === undefined ? name : `${name}.${String(part).padStart(3, "0")}`),
      signal: options.signal,
    });
    const written = parts.map((part) => part.name);
    if (split !== undefined) {
      const sums = [...parts, { name, sha256 }].map((file) => `${file.sha256}  ${file.name}\n`);
      writeFileSync(join(scratch, `${name}.sha256`), sums.join(""), { flush: true });
      writeFileSync(join(scratch, `${name}.join.sh`), joinScript(name), { flush: true, mode: 0o755 });
      // Last: without them, parts are of no use.
      written.push(`${name}.sha256`, `${name}.join.sh`);
    }
    for (const file of existing.filter((old) => !written.includes(old))) rmSync(join(folder, file));
    for (const file of written) renameSync(join(scratch, file), join(folder, file));
    return { parts, unpackedBytes, node: contents.node.version };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Finds everything that a bundle consists of; fetches and builds what is missing. */
async function collect(request: BundleRequest, options: ProvideOptions): Promise<BundleContents> {
  const { backends, platform } = request;
  const node = await findNodeProgram(request.node, platform, options);
  const nativeFiles: NativeFile[] = [];
  for (const id of backends) nativeFiles.push(...(await listNativeFiles(id, request, options)));
  const chosen = backends.flatMap((id) => BUNDLED_BACKENDS[id] ?? []);
  return {
    runner: placePackages(new Set(chosen.map(({ adapter }) => adapter))),
    target: { platform, pageFiles: chosen.flatMap(({ pageFiles }) => pageFiles ?? []) },
    nativeFiles,
    node,
    manifest: { platform, node: node.version, backends, commit: currentCommit() },
  };
}

/** Requests everything that a bundle fetches or builds, one part whatever becomes of the others. */
export async function requestParts(request: BundleRequest, options: ProvideOptions): Promise<void> {
  await Promise.allSettled([
    findNodeProgram(request.node, request.platform, options),
    ...request.backends.map((id) => listNativeFiles(id, request, options)),
  ]);
}

async function listNativeFiles(
  id: string,
  { platform, cudaLibraries }: BundleRequest,
  { progress, signal, confirm }: ProvideOptions,
): Promise<readonly NativeFile[]> {
  const backend = await BACKENDS[id]?.();
  if (!backend?.listNativeFiles) return [];
  if (platform !== PLATFORM) {
    throw new UsageError(
      `--backend ${id} cannot be bundled for ${platform} here: its native parts are those of ${PLATFORM}; run this on ${platform}`,
    );
  }
  try {
    return await backend.listNativeFiles({
      progress: (step) => progress(`${id}: ${step}`),
      signal,
      confirm,
      cudaLibraries,
    });
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new UsageError(`--backend ${id} cannot be bundled: ${error.message}; ${error.remedy}`);
  }
}

/** The files that a bundle of a name, or its parts, would replace. */
function findExisting(folder: string, name: string): string[] {
  const rest = /^(?:|\.\d{3,}|\.sha256|\.join\.sh)$/;
  return readFolder(folder).filter((file) => file.startsWith(name) && rest.test(file.slice(name.length)));
}

function readFolder(folder: string): string[] {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) {
    throw new UsageError(
      `--out: expected a file in a folder that exists, and there is no folder ${folder}; make it first`,
    );
  }
  return readdirSync(folder);
}

const SCRATCH = /^\.(?<name>.+)\.(?<pid>\d+)\.partial$/;

/** Makes a folder for what is not complete, beside the archive's place, and removes those that killed processes left. */
function makeScratch(folder: string, name: string): string {
  for (const entry of readFolder(folder)) {
    const { pid, name: of } = SCRATCH.exec(entry)?.groups ?? {};
    if (of === name && !isAnotherProcess(Number(pid)))
      rmSync(join(folder, entry), { recursive: true, force: true });
  }
  const scratch = join(folder, `.${name}.${process.pid}.partial`);
  try {
    mkdirSync(scratch);
  } catch (error) {
    throw new UsageError(
      `--out: cannot write to ${folder}: ${(error as Error).message}; choose another folder`,
    );
  }
  return scratch;
}

/** True if it is a running process, and not this one: containers give every first process the same id. */
function isAnotherProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function requireSpace(folder: string, needed: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new UsageError(
    `--out: ${folder} has ${megabytes(bavail * bsize)} free, and up to ${megabytes(needed)} are needed; free some space, or choose another folder`,
  );
}

/** Bytes of a file, or of all files in a folder. */
function sizeOf(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
