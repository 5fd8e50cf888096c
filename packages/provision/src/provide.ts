import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, statfs, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Availability,
  type Confirm,
  type MissingPart,
  messageOf,
  Unavailable,
} from "@softmax-bench/core";
import { type CacheState, cacheRoot, inspect, writeContents } from "./cache.js";

/** The instructions to make one part. */
export interface Recipe {
  /**
   * A name that identifies everything that affects the result: versions, platform, processor. Also the folder's name.
   */
  readonly name: string;
  /** Bytes of disk space that building takes at most. */
  readonly space: number;
  /** The cost that the user has to agree to; absent for parts that are built from what is here. */
  readonly cost?: Omit<MissingPart, "name">;
  /** Fills an empty folder. Its content is the part; the folder is renamed afterwards. */
  build(folder: string, options: ProvideOptions): Promise<void>;
  /** Returns what a part lacks although building it succeeded; undefined if nothing. */
  missing?(folder: string): Promise<string | undefined>;
}

export interface ProvideOptions {
  readonly progress: (step: string) => void;
  readonly signal: AbortSignal;
  /** Called before a part with a cost is made; absent if the user asked for it. */
  readonly confirm?: Confirm | undefined;
  /** True to compare the part with its digests, and to make it again if it was changed. */
  readonly wanted?: boolean;
}

/** The time without a sign of life after which a lock is free, in milliseconds: its holder was killed. */
const STALE_MS = 10_000;
const POLL_MS = 250;

/**
 * The folder of a part, made first if it is missing in the cache or damaged. It is built beside its place, under a
 * lock, and then renamed. Readers see all of it or nothing, and two processes do not collide.
 *
 * @throws Unavailable naming what is missing, or refused by `confirm`
 */
export async function provide(recipe: Recipe, options: ProvideOptions): Promise<string> {
  const folder = join(cacheRoot(), recipe.name);
  const look = { thorough: options.wanted ?? false };
  if ((await examine(recipe, look)).state === "complete") return used(folder);
  await requireConsent(recipe, options);
  try {
    await mkdir(cacheRoot(), { recursive: true });
    await using _lock = await lock(folder, options);
    const found = await examine(recipe, look);
    if (found.state === "complete") return await used(folder);
    if (found.state === "damaged") options.progress(`${found.reason}; making it again`);
    await make(recipe, folder, options);
    return folder;
  } catch (error) {
    throw withRemedy(error);
  }
}

/** A part that is not made because the user did not agree to its cost. */
export class Refused extends Unavailable {}

/** @throws Refused if the user does not agree to the cost */
async function requireConsent({ name, cost }: Recipe, { confirm }: ProvideOptions): Promise<void> {
  if (!cost || !confirm || (await confirm({ name, ...cost }))) return;
  throw new Refused(
    `${cost.title} (${describeCost(cost)}) must be fetched or built, and nobody agreed to that`,
    "agree with --yes, or SOFTMAX_BENCH_YES=1",
  );
}

/** The rate that the expected time of a download is computed with. */
const BYTES_PER_SECOND = 5e6;

/** A cost for users: "274 MB, about 2 min". */
export function describeCost({
  downloadBytes,
  buildSeconds,
}: Pick<MissingPart, "downloadBytes" | "buildSeconds">): string {
  const size = downloadBytes < 1e9 ? `${Math.round(downloadBytes / 1e6)} MB` : gigabytes(downloadBytes);
  const minutes = Math.round((downloadBytes / BYTES_PER_SECOND + buildSeconds) / 60);
  const time = minutes > 0 ? `about ${minutes} min` : "less than a minute";
  return [...(downloadBytes > 0 ? [size] : []), time].join(", ");
}

/** Runs `inspect`, and the recipe's own check. */
async function examine(recipe: Recipe, look: { readonly thorough: boolean }): Promise<CacheState> {
  const found = await inspect(recipe.name, look);
  const reason = found.state === "complete" ? await recipe.missing?.(found.folder) : undefined;
  return reason === undefined ? found : { state: "damaged", folder: found.folder, reason };
}

/** Records the time of a part's last use, for `evict`. We do not evict from a cache that only others may write to. */
async function used(folder: string): Promise<string> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => {});
  return folder;
}

/** Runs `provide` for a backend's `provision`. Every outcome is returned as a value. */
export async function provision(recipe: Recipe, options: ProvideOptions): Promise<Availability> {
  try {
    await provide(recipe, options);
    return { available: true };
  } catch (error) {
    if (error instanceof Unavailable)
      return { available: false, reason: error.message, remedy: error.remedy };
    if (options.signal.aborted)
      return { available: false, reason: "it was stopped", remedy: "start it again" };
    const reason = messageOf(error);
    return { available: false, reason, remedy: `delete ${cacheRoot()} and start it again` };
  }
}

async function make(recipe: Recipe, folder: string, options: ProvideOptions): Promise<void> {
  await removeLeftovers(recipe.name);
  await rm(folder, { recursive: true, force: true });
  await checkSpace(recipe.space);
  // A name of its own: a command that outlived its killed parent may still be writing to the last one.
  const partial = `${folder}.${randomUUID()}${PARTIAL}`;
  try {
    await mkdir(partial);
    await recipe.build(partial, options);
    const reason = await recipe.missing?.(partial);
    if (reason !== undefined) throw new Unavailable(`it was built, and yet ${reason}`, REPAIR);
    await writeContents(partial);
    options.signal.throwIfAborted();
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

const REPAIR = "repair what builds it";

/** The suffix of a folder that is being made or removed. */
export const PARTIAL = ".partial";

/** Removes the leftovers of killed processes. Only the lock's holder is working. */
async function removeLeftovers(name: string): Promise<void> {
  const leftovers = (await readdir(cacheRoot())).filter(
    (entry) => entry.startsWith(`${name}.`) && entry.endsWith(PARTIAL),
  );
  for (const entry of leftovers) await rm(join(cacheRoot(), entry), { recursive: true, force: true });
}

async function lock(folder: string, { progress, signal }: ProvideOptions): Promise<AsyncDisposable> {
  // Loaded only if needed: its exit handlers answer signals that Node would have ignored, such as SIGXFSZ.
  const { default: lockfile } = await import("proper-lockfile");
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const release = await lockfile.lock(folder, { realpath: false, stale: STALE_MS });
      return { [Symbol.asyncDispose]: release };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
      if (attempt === 0) progress("another process is at it; waiting");
      await delay(POLL_MS, undefined, { signal });
    }
  }
}

async function checkSpace(needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(cacheRoot());
  if (bavail * bsize >= needed) return;
  throw new Unavailable(
    `${cacheRoot()} has ${gigabytes(bavail * bsize)} free, and ${gigabytes(needed)} are needed`,
    ANOTHER_FOLDER,
  );
}

const ANOTHER_FOLDER = "free some space, or set SOFTMAX_BENCH_CACHE to a folder with enough";
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Adds a remedy to errors of the operating system (no space, no permission), which are not anybody's mistake. */
function withRemedy(error: unknown): unknown {
  const isSystemError = error instanceof Error && "syscall" in error;
  if (!isSystemError) return error;
  return new Unavailable(
    error.message,
    `let this user write to ${cacheRoot()}, or set SOFTMAX_BENCH_CACHE to a folder with space`,
  );
}
