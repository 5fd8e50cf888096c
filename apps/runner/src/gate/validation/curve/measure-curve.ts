import { cellKey, plural } from "@softmax-bench/core";
import type { BrowserKind } from "@softmax-bench/host-browser";
import {
  type Comparison,
  DEFAULT_LIMITS,
  gateComparison,
  type Limits,
  lowerDecile,
  type ProcessRun,
} from "@softmax-bench/regression";
import { UsageError } from "../../../terminal/errors.js";
import { Baseline } from "../../baseline.js";
import { watchFor } from "../../busy-watch.js";
import { listIn, type PassOptions } from "../../checkout.js";
import { compareInstructions } from "../../instructions.js";
import { measureGate } from "../../measure.js";
import { toPatience } from "../../patience.js";
import { type InjectedCheckout, injectedCheckout, THIS_CHECKOUT } from "../injected-checkout.js";
import {
  appendLine,
  describeCircumstances,
  readLines,
  requireCommitted,
  requireSame,
} from "../line-journal.js";
import { BusyCore } from "./busy-core.js";
import { assignSlowdowns, curveSelections, type Measure } from "./design.js";
import { type CurveCell, type CurveHeader, type CurveRound, curveHeader, curveRound } from "./journal.js";
import { measureWork, slowing } from "./work.js";

export interface CurveRequest {
  readonly measure: Measure;
  /** The browser whose pages are gated, instead of processes of Node. */
  readonly browser: BrowserKind | undefined;
  /** Keeps one core busy. */
  readonly busy: boolean;
  readonly limits: Limits;
  /** Rounds that the journal should have at the end. */
  readonly rounds: number;
  /** The journal. */
  readonly file: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Curve {
  readonly header: CurveHeader;
  readonly rounds: readonly CurveRound[];
}

/**
 * Gates copies of this checkout, in which every cell is slower by another amount of real work, until the journal has as
 * many rounds as are wanted. The baseline is a copy that makes the same calls with next to no work, so that the call is no part of
 * a slowdown. Each round is kept when it has ended.
 */
export async function measureCurve(request: CurveRequest): Promise<Curve> {
  const { file, rounds: wanted, say } = request;
  const before = readLines(file, { header: curveHeader, part: curveRound });
  if (before) requireSame(file, kindOf(before.header), kindOf({ ...request, ...request.limits }));
  // What needs no measurement may be drawn anywhere.
  if (before && before.parts.length >= wanted) return { header: before.header, rounds: before.parts };
  const header = before ? continued(file, before.header, request.browser) : await begun(request);
  const rounds = before?.parts ?? [];
  using _load = request.busy ? new BusyCore() : undefined;
  for (let round = rounds.length; round < wanted; round++) {
    say(`gate ${round + 1} of ${wanted}`);
    const measured = await measureRound(header, round, request);
    appendLine(file, measured);
    rounds.push(measured);
  }
  return { header, rounds };
}

type Kind = Pick<CurveHeader, "measure" | "busy" | "browser" | "maxSlowdown">;

/** The settings that make two curves comparable. A journal of times without a limit is older than the flag, and had the default. */
const kindOf = ({ measure, busy, browser, maxSlowdown = DEFAULT_LIMITS.maxSlowdown }: Kind) => ({
  measure,
  busy,
  browser,
  ...(measure === "time" && { maxSlowdown }),
});

function continued(file: string, header: CurveHeader, browser: BrowserKind | undefined): CurveHeader {
  const { commit, cpu, cores, node } = header;
  const then = { commit, cpu, cores, node, browser: header.browser };
  requireSame(file, then, { browser: undefined, ...describeCircumstances(browser) });
  requireCommitted(file, commit);
  return header;
}

async function begun(request: CurveRequest): Promise<CurveHeader> {
  const { measure, busy, browser, limits, file, say, signal } = request;
  const options = { patience: toPatience(), signal };
  const cells: string[] = [];
  for (const flags of curveSelections(measure, browser))
    cells.push(...(await listIn(THIS_CHECKOUT, ["--profile", "gate", ...flags], options)));
  say(`measuring how long added work takes, in each of ${plural(cells.length, "cell")}`);
  const work = await measureWork(measure, cells, { ...options, say });
  if (Object.keys(work).length === 0) {
    throw new UsageError(
      `none of ${plural(cells.length, "cell")} could be slowed; pnpm doctor says what runs here`,
    );
  }
  const startedAt = new Date().toISOString();
  const header: CurveHeader = {
    type: "curve",
    measure,
    busy,
    ...(measure === "time" && { maxSlowdown: limits.maxSlowdown }),
    ...describeCircumstances(browser),
    startedAt,
    work,
  };
  appendLine(file, header);
  return header;
}

async function measureRound(
  { measure, browser, work }: CurveHeader,
  round: number,
  { limits, say, signal }: CurveRequest,
): Promise<CurveRound> {
  const begun = performance.now();
  const cells = Object.keys(work);
  const slowdowns = assignSlowdowns(cells, measure, round);
  const id = `round ${round + 1}`;
  const copyWith = (name: string, slowdownOf: (cell: string) => number) =>
    injectedCheckout(name, slowing(work, slowdownOf), browser ? "pages" : "processes");
  using baseline = copyWith("next to no added work", () => 0);
  using candidate = copyWith(id, (cell) => slowdowns.get(cell) ?? 0);
  const sides = { baseline, candidate };
  const options = { cells, seed: round, threads: 1, limits, patience: toPatience(), signal, say };
  const measured =
    measure === "time" ? await gateTimes(sides, options) : await gateInstructions(sides, options);
  return {
    type: "round",
    id,
    seconds: (performance.now() - begun) / 1000,
    ...(measured.busyReason && { busy: measured.busyReason }),
    cells: measured.cells.map((cell) => ({ ...cell, slowdown: injectedInto(cell.cell, slowdowns) })),
    broken: measured.broken,
  };
}

/** The slowdown of a measured cell. @throws RangeError if it is none of the cells that have one */
export function injectedInto(cell: string, slowdowns: ReadonlyMap<string, number>): number {
  const slowdown = slowdowns.get(cell);
  if (slowdown !== undefined) return slowdown;
  throw new RangeError(
    `expected one of the ${slowdowns.size} cells that are slowed, such as ${[...slowdowns.keys()][0]}, got ${cell}`,
  );
}

interface Measured {
  readonly cells: readonly Omit<CurveCell, "slowdown">[];
  readonly broken: string[];
  /** The reason to call the machine busy, if it was. */
  readonly busyReason?: string | undefined;
}

type Options = Omit<PassOptions, "profile"> & {
  readonly limits: Limits;
  readonly say: (line: string) => void;
};

type Sides = Readonly<Record<"baseline" | "candidate", InjectedCheckout>>;

async function gateTimes({ baseline, candidate }: Sides, options: Options): Promise<Measured> {
  const watch = watchFor(options.cells);
  const passes = await measureGate({
    ...options,
    baseline: Baseline.of(baseline),
    candidate,
    only: "times",
    watch,
  });
  const names = { baseline: baseline.name, candidate: candidate.name };
  const comparison = gateComparison(passes, options.cells, options.limits, names, { busy: watch.reason });
  return {
    cells: comparison.cells.map(({ verdict, time, ...cell }) => ({
      cell: cellKey(cell),
      verdict,
      ...(time && { found: time.slowdown }),
      processes: processesOf(passes, cellKey(cell)),
    })),
    broken: brokenIn(comparison),
    busyReason: watch.reason,
  };
}

const brokenIn = ({ notCompared }: Pick<Comparison, "notCompared">): string[] =>
  notCompared.filter(({ kind }) => kind === "broken").map(cellKey);

/** The processes of either side that timed a cell. */
function processesOf(passes: readonly ProcessRun[], key: string): CurveCell["processes"] {
  const seen = new Set<string>();
  return passes.flatMap(({ role, results }) => {
    const cell = results.cells.find((one) => cellKey(one) === key);
    const [value] = cell ? lowerDecile(cell) : [];
    if (role === "control" || value === undefined) return [];
    const samples = seen.has(role) ? undefined : cell?.timing?.gradient?.samples;
    seen.add(role);
    return [{ side: role, value: rounded(value), ...(samples && { samples: samples.map(rounded) }) }];
  });
}

/** With four digits. */
const rounded = (ns: number): number => Number(ns.toPrecision(4));

async function gateInstructions(sides: Sides, options: Options): Promise<Measured> {
  const { cells, notCompared, processes } = await compareInstructions({
    ...options,
    ...sides,
  });
  return {
    cells: cells.map(({ instructions, ...cell }) => {
      const key = cellKey(cell);
      return {
        cell: key,
        verdict: instructions.verdict,
        found: instructions.growth,
        processes: processes.flatMap(({ side, cells: counted }) => {
          const { instructions: count } = counted.find((one) => one.cell === key) ?? {};
          return count === undefined ? [] : [{ side, value: count }];
        }),
      };
    }),
    broken: brokenIn({ notCompared: [...notCompared] }),
  };
}
