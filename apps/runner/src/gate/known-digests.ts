import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { cellKey, isSystemError, messageOf, type Results } from "@softmax-bench/core";
import { decodeResults, describeIssue, formatResults } from "@softmax-bench/core/results";
import { cacheRoot } from "@softmax-bench/provision";
import {
  type ComparedCell,
  cellsAndCurves,
  mergedSide,
  type ProcessRun,
  selectCells,
} from "@softmax-bench/regression";
import { z } from "zod";
import { makeFolder } from "../fs/make-folder.js";
import { readRegularFile } from "../fs/read-regular-file.js";
import { writeAtomically } from "../fs/write-atomically.js";
import type { DigestConditions } from "./digest-conditions.js";

/** The folder in the user's cache. */
const FOLDER = "digests";

/** Files that stay, the most recently used ones: of the whole default selection, each has half a megabyte. */
const MOST_FILES = 50;

/** Lists of cells that a file keeps, the latest ones. */
const MOST_LISTS = 20;

/** The most bytes of a file that is read. */
const LARGEST = 50e6;

const content = z.object({
  version: z.literal(1),
  conditions: z.record(z.string(), z.unknown()),
  /** First digits of the digest of the commit's lockfile, for readers of the outcome. */
  lockfile: z.string().max(64).optional(),
  /** Keys of the cells that the commit has, by the flags that list them. */
  lists: z.record(z.string(), z.array(z.string().max(1000))),
  /** Keys of the cells whose gradient is not the same in every process. */
  varying: z.array(z.string().max(1000)),
  /** Results of the profile `digests`; absent if there are none yet. */
  results: z.unknown().optional(),
});

interface State extends Omit<z.output<typeof content>, "results"> {
  results: Results | undefined;
}

/**
 * The digests of a commit's gradients that earlier gates found here, in the user's cache. A digest in it can only show
 * that a gradient is the same as the commit's; a gradient that differs calls for computing the commit's again.
 */
export class KnownDigests {
  readonly #file: string;
  readonly #say: (line: string) => void;
  readonly #state: State;
  /** Known outcomes, by key of the cell. */
  #outcomes: ReadonlyMap<string, ComparedCell> = new Map();
  #hasChanged = false;

  private constructor(file: string, state: State, say: (line: string) => void) {
    this.#file = file;
    this.#state = state;
    this.#say = say;
    this.#index();
  }

  /** Opens what is known in some conditions. A damaged file counts as none. Never throws. */
  static open(conditions: DigestConditions, say: (line: string) => void): KnownDigests {
    const name = createHash("sha256").update(JSON.stringify(conditions)).digest("hex");
    const file = join(cacheRoot(), FOLDER, `${name.slice(0, 32)}.json`);
    return new KnownDigests(file, read(file, conditions, say), say);
  }

  get lockfile(): string | undefined {
    return this.#state.lockfile;
  }

  /** Keys of the cells that the commit lists by some flags of `bench`; undefined if that is not known. */
  list(flags: readonly string[]): readonly string[] | undefined {
    const name = flags.join(" ");
    return Object.hasOwn(this.#state.lists, name) ? this.#state.lists[name] : undefined;
  }

  addList(flags: readonly string[], cells: readonly string[]): void {
    const latest = Object.entries(this.#state.lists).slice(1 - MOST_LISTS);
    this.#state.lists = Object.fromEntries([...latest, [flags.join(" "), [...cells]]]);
    this.#hasChanged = true;
  }

  /** True if it is known what a cell gives, and that it always does. */
  has(key: string): boolean {
    return this.#outcomes.has(key);
  }

  /** The pass of the cells that are known to give what a candidate's results have; undefined if there are none. */
  matching(candidate: Results): ProcessRun | undefined {
    const { results } = this.#state;
    if (!results) return undefined;
    const keys = new Set(
      cellsAndCurves(candidate)
        .filter((cell) => isSame(this.#outcomes.get(cellKey(cell)), cell))
        .filter(({ backend }) => deviceOf(results, backend) === deviceOf(candidate, backend))
        .map(cellKey),
    );
    if (keys.size === 0) return undefined;
    return {
      stage: "digests",
      block: 0,
      role: "baseline",
      asked: [...keys],
      results: selectCells(results, (cell) => keys.has(cellKey(cell))),
      isKnown: true,
    };
  }

  /**
   * Keeps what fresh processes of the commit found, on the disk. A cell in which they differ from each other, or from what
   * is known, varies from then on.
   * @param lockfile first digits of the digest of the commit's lockfile
   */
  keep(passes: readonly ProcessRun[], lockfile: string | undefined): void {
    const fresh = passes.filter(({ isKnown }) => !isKnown);
    if (fresh.length > 0) this.#add(fresh, lockfile);
    try {
      if (this.#hasChanged) this.#write();
      else if (existsSync(this.#file)) utimesSync(this.#file, new Date(), new Date());
    } catch (error) {
      // A cache that only others may write to, or a full disk: the next gate computes again.
      if (!isSystemError(error)) throw error;
      this.#say(`the digests cannot be kept for the next gate: ${error.message}`);
    }
  }

  #add(fresh: readonly ProcessRun[], lockfile: string | undefined): void {
    const [first] = fresh;
    if (!first) return;
    const state = this.#state;
    state.varying = [...new Set([...state.varying, ...varyingKeys(fresh, this.#outcomes)])];
    const before = state.results && { ...first, results: state.results };
    const digests = fresh.filter(({ stage }) => stage === "digests");
    const measured = new Set(digests.flatMap(({ results }) => cellsAndCurves(results).map(cellKey)));
    const older = before && {
      ...before,
      results: selectCells(before.results, (cell) => !measured.has(cellKey(cell))),
    };
    const side = first.role === "candidate" ? "candidate" : "baseline";
    const all = [...digests, ...(older ? [older] : [])];
    if (all.length > 0) {
      const merged = mergedSide(all, side);
      state.results = selectCells(
        { ...merged, run: { ...merged.run, argv: [] } },
        (cell) => isLasting(cell) && !state.varying.includes(cellKey(cell)),
      );
    }
    if (lockfile !== undefined) state.lockfile = lockfile;
    this.#hasChanged = true;
    this.#index();
  }

  #index(): void {
    const { results, varying } = this.#state;
    const cells = results ? cellsAndCurves(results) : [];
    this.#outcomes = new Map(
      cells
        .filter((cell) => isLasting(cell) && !varying.includes(cellKey(cell)))
        .map((cell) => [cellKey(cell), cell]),
    );
  }

  #write(): void {
    const { results, ...head } = this.#state;
    const folder = dirname(this.#file);
    makeFolder(folder);
    const body = results ? { results: JSON.parse(formatResults(results, 0)) } : {};
    writeAtomically(this.#file, `${JSON.stringify({ ...head, ...body })}\n`);
    this.#hasChanged = false;
    removeOldest(folder);
  }
}

/** Keys of the cells that fresh processes do not agree on, among themselves or with what is known. */
function varyingKeys(
  fresh: readonly ProcessRun[],
  known: ReadonlyMap<string, ComparedCell>,
): readonly string[] {
  const digests = new Map<string, Set<string>>();
  for (const cell of fresh.flatMap(({ results }) => cellsAndCurves(results))) {
    if (cell.status !== "ok" || cell.gradientDigest === undefined) continue;
    const key = cellKey(cell);
    const before = known.get(key)?.gradientDigest;
    const found = digests.get(key) ?? new Set(before === undefined ? [] : [before]);
    digests.set(key, found.add(cell.gradientDigest));
  }
  return [...digests].filter(([, { size }]) => size > 1).map(([key]) => key);
}

/**
 * True if an outcome holds for the next gate, too: a digest that was computed in processes of this Node, or the lack of
 * something. Another runtime or a browser may change without a trace, and what failed may work next time.
 */
const isLasting = ({ host, status, gradientDigest, nondeterministic }: ComparedCell): boolean =>
  host === undefined &&
  nondeterministic !== true &&
  (status === "unsupported" || (status === "ok" && gradientDigest !== undefined));

/** The device of a backend of this Node. */
function deviceOf({ backends }: Results, id: string): string {
  const { device } = backends.find((backend) => backend.id === id && backend.host === undefined) ?? {};
  return device ? `${device.kind} ${device.name}` : "none";
}

const isSame = (known: ComparedCell | undefined, found: ComparedCell): boolean =>
  known?.status === found.status &&
  known.gradientDigest === found.gradientDigest &&
  (known.status === "ok" || known.reason === found.reason);

function read(file: string, conditions: DigestConditions, say: (line: string) => void): State {
  const empty: State = {
    version: 1,
    conditions: { ...conditions },
    lists: {},
    varying: [],
    results: undefined,
  };
  try {
    if (!existsSync(file)) return empty;
    const value: unknown = JSON.parse(readRegularFile(file, LARGEST).toString("utf8"));
    const parsed = content.safeParse(value);
    if (!parsed.success) throw new Error(describeIssue(parsed.error, value));
    const { results, ...head } = parsed.data;
    if (JSON.stringify(head.conditions) !== JSON.stringify(conditions)) {
      throw new Error("it is of other conditions than its name says");
    }
    return { ...head, results: results === undefined ? undefined : decodeResults(results) };
  } catch (error) {
    say(`${file} is damaged (${messageOf(error)}): the baseline is computed again`);
    return empty;
  }
}

/** Removes all but the most recently used files, and what killed processes left. */
function removeOldest(folder: string): void {
  const files = readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found ? [{ file, usedAt: found.mtimeMs }] : [];
    });
  const newestFirst = files.toSorted((a, b) => b.usedAt - a.usedAt);
  for (const { file } of newestFirst.slice(MOST_FILES)) rmSync(file, { force: true });
}
