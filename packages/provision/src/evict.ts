import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot, readSize } from "./cache.js";
import { PARTIAL } from "./provide.js";

const DAY_MS = 86_400_000;

/** Time since its last use in which a folder may still be in use, in milliseconds. */
const IN_USE_MS = DAY_MS;

export interface EvictOptions {
  /** The prefix of the folders of the cache that may be removed. */
  readonly prefix: string;
  /** The most bytes of all of them together. */
  readonly limitBytes: number;
  /** The age since its last use at which a folder is removed, whatever its size. */
  readonly maxAgeDays: number;
  readonly now?: number;
}

/**
 * Removes parts from the cache: those unused for long, a killed process's leftovers, then the least recently
 * used until the others fit into the limit. Parts used within a day stay.
 */
export async function evict({
  prefix,
  limitBytes,
  maxAgeDays,
  now = Date.now(),
}: EvictOptions): Promise<void> {
  const names = (await readdir(cacheRoot()).catch(() => [])).filter((name) => name.startsWith(prefix));
  const parts = await Promise.all(names.filter((name) => !name.endsWith(LOCK)).map(readPart));
  let bytes = 0;
  for (const { folder, size, usedAt } of parts.toSorted((a, b) => b.usedAt - a.usedAt)) {
    bytes += size;
    const age = now - usedAt;
    const isSuperfluous = bytes > limitBytes || age > maxAgeDays * DAY_MS || folder.endsWith(PARTIAL);
    // Files of another user that cannot be removed stay.
    if (age > IN_USE_MS && isSuperfluous) await remove(folder).catch(() => {});
  }
}

/** Suffix of `proper-lockfile`, beside the locked folder. */
const LOCK = ".lock";

async function readPart(name: string) {
  const folder = join(cacheRoot(), name);
  const usedAt = await stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return { folder, usedAt, size: await readSize(name) };
}

/** Removes a folder. Readers meanwhile see all of it or nothing. */
async function remove(folder: string): Promise<void> {
  const partial = folder.endsWith(PARTIAL) ? folder : `${folder}.${randomUUID()}${PARTIAL}`;
  if (partial !== folder) await rename(folder, partial);
  await rm(partial, { recursive: true, force: true });
}
