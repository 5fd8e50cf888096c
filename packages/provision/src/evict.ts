import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot, sizeOf } from "./cache.js";
import { PARTIAL } from "./provide.js";

const DAY_MS = 86_400_000;

/** A folder that was used more recently, in milliseconds, may still be in use. */
const IN_USE_MS = DAY_MS;

export interface EvictOptions {
  /** Folders of the cache whose names begin with this are looked at, no others. */
  readonly prefix: string;
  /** Bytes that they may take together. */
  readonly limitBytes: number;
  /** One that was not used for longer is removed, whatever its size. */
  readonly maxAgeDays: number;
  readonly now?: number;
}

/**
 * Removes parts from the cache: those that were not used for long, what a killed process left behind, then the least recently
 * used until the others fit into the limit. What was used within a day stays.
 */
export async function evict({
  prefix,
  limitBytes,
  maxAgeDays,
  now = Date.now(),
}: EvictOptions): Promise<void> {
  const names = (await readdir(cacheRoot()).catch(() => [])).filter((name) => name.startsWith(prefix));
  const parts = await Promise.all(names.filter((name) => !name.endsWith(LOCK)).map(partOf));
  let bytes = 0;
  for (const { folder, size, usedAt } of parts.toSorted((a, b) => b.usedAt - a.usedAt)) {
    bytes += size;
    const age = now - usedAt;
    const isSuperfluous = bytes > limitBytes || age > maxAgeDays * DAY_MS || folder.endsWith(PARTIAL);
    // Where another user's files cannot be removed, they stay.
    if (age > IN_USE_MS && isSuperfluous) await remove(folder).catch(() => {});
  }
}

/** Of `proper-lockfile`, beside what it locks. */
const LOCK = ".lock";

async function partOf(name: string) {
  const folder = join(cacheRoot(), name);
  const usedAt = await stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return { folder, usedAt, size: await sizeOf(name) };
}

/** Whoever looks meanwhile sees all of it or nothing. */
async function remove(folder: string): Promise<void> {
  const partial = folder.endsWith(PARTIAL) ? folder : `${folder}.${randomUUID()}${PARTIAL}`;
  if (partial !== folder) await rename(folder, partial);
  await rm(partial, { recursive: true, force: true });
}
