import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import envPaths from "env-paths";

/** The folder of native parts: `SOFTMAX_BENCH_CACHE`, otherwise the user's cache folder. */
export const cacheRoot = (): string =>
  process.env.SOFTMAX_BENCH_CACHE || envPaths("softmax-bench", { suffix: "" }).cache;

/** The state of a part in the cache. */
export type CacheState =
  | { readonly state: "complete"; readonly folder: string }
  | { readonly state: "absent"; readonly folder: string }
  | { readonly state: "damaged"; readonly folder: string; readonly reason: string };

/** The list of a part's files, written last into its folder. */
const CONTENTS = "contents.json";
interface Contents {
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** Symbolic links; absent in lists from versions that did not include them. */
  readonly links?: readonly { readonly path: string; readonly target: string }[];
}

/**
 * Checks whether a part is complete in the cache. Never throws.
 *
 * @param name the part's folder in the cache
 * @param thorough true to compare digests as well as sizes: about 2 s per GB
 */
export async function inspect(name: string, { thorough = false } = {}): Promise<CacheState> {
  const folder = join(cacheRoot(), name);
  const damaged = (reason: string): CacheState => ({ state: "damaged", folder, reason });
  let expected: Contents;
  try {
    if (!(await exists(folder))) return { state: "absent", folder };
    expected = parseContents(await readFile(join(folder, CONTENTS), "utf8"));
  } catch {
    return damaged(`${join(folder, CONTENTS)} is missing or unreadable`);
  }
  for (const { path, bytes, sha256 } of expected.files) {
    const file = join(folder, path);
    const found = await stat(file).catch(() => undefined);
    if (!found) return damaged(`${file} is missing`);
    if (found.size !== bytes) return damaged(`${file} has ${found.size} bytes where ${bytes} belong`);
    if (thorough && (await digest(file, bytes)) !== sha256) return damaged(`${file} was changed`);
  }
  for (const { path, target } of expected.links ?? []) {
    const link = join(folder, path);
    const found = await readlink(link).catch(() => undefined);
    if (found !== target) return damaged(`${link} is ${found === undefined ? "missing" : "another link"}`);
  }
  return { state: "complete", folder };
}

/** Bytes of a part's files; 0 if it is incomplete. */
export async function readSize(name: string): Promise<number> {
  try {
    const { files } = parseContents(await readFile(join(cacheRoot(), name, CONTENTS), "utf8"));
    return files.reduce((sum, { bytes }) => sum + bytes, 0);
  } catch {
    return 0;
  }
}

/** Seals a folder: lists every file with its size and digest, and every symbolic link. */
export async function writeContents(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Contents["files"][number][] = [];
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const { size } = await stat(file);
    files.push({ path: relative(folder, file), bytes: size, sha256: await digest(file, size) });
  }
  const links: NonNullable<Contents["links"]>[number][] = [];
  for (const entry of entries.filter((candidate) => candidate.isSymbolicLink())) {
    const link = join(entry.parentPath, entry.name);
    links.push({ path: relative(folder, link), target: await readlink(link) });
  }
  await writeFile(
    join(folder, CONTENTS),
    `${JSON.stringify({ files, links } satisfies Contents, null, 2)}\n`,
  );
}

/** @throws Error if the text is not a list of files. */
function parseContents(text: string): Contents {
  const value = JSON.parse(text) as Partial<Contents> | null;
  const { files, links = [] } = value ?? {};
  const isLink = (link: Partial<NonNullable<Contents["links"]>[number]> | null): boolean =>
    typeof link?.path === "string" && typeof link.target === "string";
  const isFile = (file: Partial<Contents["files"][number]> | null): boolean =>
    typeof file?.path === "string" && typeof file.bytes === "number" && typeof file.sha256 === "string";
  if (!Array.isArray(files) || files.length === 0 || !files.every(isFile))
    throw new Error("not a list of files");
  if (!Array.isArray(links) || !links.every(isLink)) throw new Error("not a list of links");
  return { files, links };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );

/** Bytes up to which a file is read in one piece: a stream takes longer to set up than a small file to read. */
const SMALL = 2 ** 24;

async function digest(file: string, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  if (bytes <= SMALL) return hash.update(await readFile(file)).digest("hex");
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest("hex");
}
