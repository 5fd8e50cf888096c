import {
  busyMachine,
  type Cell,
  type Curve,
  commandLine,
  commandOfRun,
  type Environment,
  listExperiments,
  namePlaces,
  plural,
  type Results,
  shellWord,
} from "@softmax-bench/core";
import { formatBytes, formatPercent, formatWall } from "./format.js";
import { type MachineView, machineViews } from "./machines.js";
import { describeResolution } from "./resolution.js";
import { soFar } from "./verdict.js";

/** The part of a report about the run as a whole. */
export interface RunView {
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** The reason to doubt its times, if the machine was busy. */
  readonly busy: string | undefined;
  /** Instructions for resuming, if the run is incomplete. */
  readonly notice: string | undefined;
  /** See `soFar`. */
  readonly soFar: string;
  /** Remarks of backends on their cells. */
  readonly advice: readonly string[];
  /** Cells that failed, and those whose gradients differ between processes. */
  readonly broken: readonly string[];
  readonly wall: string | undefined;
}

export function runView(unnamed: Results): RunView {
  const results = namePlaces(unnamed);
  const { run, cells, precision } = results;
  return {
    facts: listFacts(results, machineViews(results)),
    busy: busyMachine(results),
    notice: describeInterruption(results),
    soFar: soFar(run),
    advice: listAdvice([...cells, ...(precision?.curves ?? []).map(asCell)]),
    broken: listBroken([...cells, ...(precision?.curves ?? []).map(asCell)]),
    wall: describeWallTime(run.wallNs),
  };
}

/** The progress of an interrupted run, and how to resume it. */
function describeInterruption(results: Results): string | undefined {
  const { run } = results;
  if (run.status !== "interrupted") return undefined;
  if (run.merged) {
    const missing = run.merged.missing.map(({ index, count }) => `${index} of ${count}`).join(", ");
    return `Incomplete: there is no complete run of shard ${missing}.`;
  }
  const out = findOutFolder(run.argv);
  const command = [
    commandLine(`${commandOfRun(run.command)} --resume ${shellWord(run.id)}`),
    ...(out ? [`--out ${shellWord(out)}`] : []),
  ];
  return `Interrupted: ${describeProgress(results)}. Continue with: ${command.join(" ")}`;
}

/** `14 of 28 cells, 5 of them not in all processes yet, 3 curves`. */
export function describeProgress(results: Results): string {
  const { cells, run } = results;
  const { cellsPlanned } = run;
  const unfinished = cells.filter((cell) => cell.unfinished).length;
  return [
    ...(cellsPlanned === 0 ? [] : [`${cells.length} of ${cellsPlanned ?? "?"} cells`]),
    ...(unfinished > 0 ? [`${unfinished} of them not in all processes yet`] : []),
    ...listExperiments(results).map(({ nouns, records }) => plural(records.length, ...nouns)),
  ].join(", ");
}

/** The output folder of the run. */
const findOutFolder = (argv: readonly string[]): string | undefined =>
  argv.flatMap((word, index) =>
    word === "--out" ? (argv[index + 1] ?? []) : word.startsWith("--out=") ? word.slice(6) : [],
  )[0];

function listFacts(results: Results, views: readonly MachineView[]): [string, string][] {
  const { run, environment, machines } = results;
  const { shard, merged, seed } = run;
  return [
    [
      "run",
      [
        `${run.startedAt}, profile ${run.profile}`,
        ...(seed === undefined ? [] : [`seed ${seed}`]),
        ...(shard ? [`shard ${shard.index} of ${shard.count}`] : []),
        ...(merged ? [`merged from ${merged.runs.join(", ")}`] : []),
      ].join(", "),
    ],
    ...(machines && views.length
      ? machines.map(({ environment }, index): [string, string] => [
          views[index]?.label ?? "machine",
          describeMachine(environment),
        ])
      : [["machine", describeMachine(environment)] satisfies [string, string]]),
    ...(results.hosts?.length ? [["hosts", describeHosts(results)] satisfies [string, string]] : []),
    ["resolution", describeResolution(results)],
    ["command", [commandOfRun(run.command), ...run.argv.map(shellWord)].join(" ")],
    ["commit", run.commit ?? "not in a git checkout"],
  ];
}

const describeMachine = ({ cpu, cores, memoryBytes, os, node }: Environment): string =>
  [
    cpu,
    plural(cores, "core"),
    ...(memoryBytes === undefined ? [] : [formatBytes(memoryBytes)]),
    os,
    `Node ${node}`,
  ].join(", ");

const describeHosts = ({ hosts = [] }: Results): string =>
  hosts
    .map(({ id, runtime, reason, remedy }) =>
      runtime ? `${id} (${runtime.name} ${runtime.version})` : `${id} is unavailable: ${reason}; ${remedy}`,
    )
    .join(", ");

/** A curve in the form of a cell: its sweep is its workload. */
const asCell = ({ points: _, sweep, ...curve }: Curve): Cell => ({ ...curve, workload: sweep });

/** Each once: `tfjs-wasm manual/naive float32 vocab crashed: …`. */
function listBroken(cells: readonly Cell[]): string[] {
  const broken = cells.flatMap((one) => {
    const { backend, method, dtype, workload, machine, status, reason, nondeterministic } = one;
    const cell = `${backend} ${method} ${dtype} ${workload}${machine ? ` on ${machine}` : ""}`;
    return [
      ...(nondeterministic ? [`${cell}: two processes gave different gradients`] : []),
      ...(status === "ok" || status === "unsupported"
        ? []
        : [`${cell} ${status}: ${reason ?? "no reason given"}`]),
    ];
  });
  return [...new Set(broken)];
}

/** Backends' advice, once for all methods of a backend to which it applies: `autograd/library on tfjs-wasm: …`. */
function listAdvice(cells: readonly Cell[]): string[] {
  const methods = new Map<string, { backend: string; note: string; of: Set<string> }>();
  for (const { backend, method, note } of cells) {
    if (!note) continue;
    const key = JSON.stringify([backend, note]);
    const known = methods.get(key);
    if (known) known.of.add(method);
    else methods.set(key, { backend, note, of: new Set([method]) });
  }
  return Array.from(
    methods.values(),
    ({ backend, note, of }) => `${[...of].join(", ")} on ${backend}: ${note}`,
  );
}

/** A map, because the purposes of a file may have names of every object's members, such as `constructor`. */
const PURPOSES: ReadonlyMap<string, string> = new Map([
  ["measure", "measurement"],
  ["settle", "waiting until times had settled"],
  ["start", "starting processes"],
  ["prepare", "compiling and uploading"],
  ["verify", "checking against the oracle"],
]);

function describeWallTime(wallNs: Readonly<Record<string, number>> | undefined): string | undefined {
  if (!wallNs) return undefined;
  const total = Object.values(wallNs).reduce((sum, ns) => sum + ns, 0);
  if (total === 0) return undefined;
  const parts = Object.entries(wallNs)
    .filter(([, ns]) => ns >= total / 1000)
    .toSorted(([, a], [, b]) => b - a)
    .map(
      ([purpose, ns]) =>
        `${PURPOSES.get(purpose) ?? purpose} ${formatPercent(ns / total)} (${formatWall(ns)})`,
    );
  return `${formatWall(total)}: ${parts.join(", ")}`;
}
