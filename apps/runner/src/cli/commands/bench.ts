import { WORKLOADS } from "@softmax-bench/core";
import { type Command, Option } from "commander";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { loadRegistry } from "../../plan/load-backends.js";
import type { BenchOptions } from "../../plan/options.js";
import { PROFILES } from "../../plan/profiles.js";
import { resolveShard, WHOLE } from "../../plan/shard.js";
import { unknownValue } from "../../plan/unknown-value.js";
import type { Console } from "../../terminal/console.js";
import { UsageError } from "../../terminal/errors.js";
import {
  addDtypeOption,
  addHostOption,
  commaSeparated,
  duration,
  integer,
  newCommand,
  type SelectionFlags,
  toConsent,
  withSelection,
} from "../command.js";

interface Flags extends SelectionFlags {
  readonly host?: string[];
  readonly dtype?: string[];
  readonly profile?: string;
  readonly workload?: string[];
  readonly cell?: string[];
  readonly out?: string;
  readonly seed?: string;
  readonly resume?: string;
  readonly shard?: string;
  readonly saveBaseline?: string;
  readonly time?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly full?: boolean;
  readonly list?: boolean;
  readonly listTo?: string;
  readonly countTo?: string;
  readonly inTurns?: boolean;
}

export function command(): Command {
  const profiles = Object.values(PROFILES).map(({ id, summary }) => `${id} (${summary})`);
  const workloads = WORKLOADS.map(({ id }) => id).join(", ");
  return (
    addDtypeOption(
      addHostOption(
        withSelection(
          newCommand("bench")
            .description(
              "Measures the error and the time of every gradient of softmax cross-entropy on every backend,\n" +
                "and writes results.json and report.md to a folder per run.",
            )
            .option("--profile <name>", `${profiles.join(", ")}; e.g. --profile smoke`),
        ),
      ),
    )
      .option(
        "--workload <ids>",
        `${workloads}, a shape, or a sweep; e.g. --workload vocab,64x1000,sweep/offset`,
        commaSeparated,
      )
      .option(
        "--cell <cell>",
        "one cell as --list prints it, several times for several, instead of --backend, --method, --dtype and --workload; e.g. --cell 'tfjs-wasm manual/fused float32 vocab'",
        commaSeparated,
      )
      .option(
        "--out <dir>",
        `folder that runs are written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`,
      )
      .option("--seed <n>", "seed of the inputs (default: 0); e.g. --seed 7")
      .addOption(
        new Option(
          "--resume <run-id>",
          "measure what an interrupted run lacks; e.g. --resume 20260131-120000-full",
        ),
      )
      .option(
        "--shard <i/n>",
        "measure one of n parts of the matrix, or auto: as Kubernetes, Slurm, GitLab or GitHub numbered this job; e.g. --shard 2/4",
      )
      .option(
        "--time <duration>",
        "how long the run may take (default: the profile's, 5m for default): cells are measured in further processes while there is time. The profile's fewest, two for default, are measured in any case; e.g. --time 10m",
      )
      .option(
        "--save-baseline <name>",
        "keep the results in baselines/<name>.json, for the commands compare and gate; e.g. --save-baseline main",
      )
      .option("--force", "keep a baseline even if the machine was busy; e.g. --save-baseline main --force")
      .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
      .option("--full", "print every cell, as report.md has them, and not only the fastest; e.g. --full")
      // For the command gate, which starts two runs with a channel for their turns; not for users.
      .addOption(new Option("--in-turns").hideHelp())
      // Also for the command gate: printed output is for people, and other code may print, too.
      .addOption(new Option("--count-to <file>").hideHelp())
      .addOption(new Option("--list-to <file>").implies({ list: true }).hideHelp())
      .option("--list", "print the cells that would run, and run nothing; e.g. --list --backend tfjs-wasm")
      .addHelpText(
        "after",
        `\nbench.config.ts in the current folder sets the same things; flags win.\n
Exit codes: 0 done; 1 no backend available, or a cell failed, crashed or timed out;
2 wrong usage; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
      )
  );
}

async function toOptions(flags: Flags): Promise<BenchOptions> {
  if (flags.profile !== undefined && !Object.hasOwn(PROFILES, flags.profile)) {
    throw unknownValue("profile", flags.profile, Object.keys(PROFILES));
  }
  const replaced = (["backend", "method", "dtype", "workload"] as const).find((name) => flags[name]);
  if (flags.cell && replaced) {
    throw new UsageError(`--cell takes the place of --${replaced}; leave out one of the two`);
  }
  const given = {
    profile: flags.profile,
    backends: flags.backend,
    hosts: flags.host,
    methods: flags.method,
    dtypes: flags.dtype,
    workloads: flags.workload,
    cells: flags.cell,
    out: flags.out,
    seed: integer("--seed", flags.seed),
    threads: integer("--threads", flags.threads),
    timeMs: duration("--time", flags.time),
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const { checkOptions } = await import("../../plan/options.js");
  return checkOptions(Object.fromEntries(set), "flags");
}

/** Runs the matrix, or a part of it, and writes results and report. */
export async function bench(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const options = await toOptions(flags);
  const { loadConfig } = await import("../../plan/config.js");
  const { options: file } = await loadConfig(process.cwd());
  const { saveBaseline } = flags;
  if (saveBaseline !== undefined) {
    const { checkBaselineName } = await import("../../results/baselines.js");
    checkBaselineName(saveBaseline);
  }
  if (flags.force && saveBaseline === undefined) {
    throw new UsageError("--force is for --save-baseline: it keeps a baseline of a busy machine");
  }
  const output = {
    json: flags.json ?? false,
    full: flags.full ?? false,
    consent: toConsent(flags, console),
    saveBaseline,
    force: flags.force ?? false,
  };
  if (flags.resume !== undefined) {
    const { out, ...fixed } = options;
    const [conflict] = [
      ...Object.keys(fixed),
      ...(["list", "shard", "inTurns"] as const).filter((name) => flags[name] !== undefined),
    ];
    if (conflict)
      throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
    const { resumeRun } = await import("../../run/resume.js");
    return resumeRun("bench", { out: out ?? file.out ?? DEFAULT_OUT, id: flags.resume }, console, output);
  }
  const { resolveSettings } = await import("../../plan/options.js");
  const { selectOnHosts } = await import("../../plan/selection.js");
  const settings = resolveSettings(options, file);
  const selection = await selectOnHosts(settings, await loadRegistry());
  const shard = flags.shard === undefined ? undefined : resolveShard(flags.shard, process.env);
  if (shard && selection.sweeps.length > 0) {
    throw new UsageError("--shard splits cells, not sweeps; leave out --shard, or the sweeps");
  }
  if (flags.list) {
    const { listCells } = await import("../../run/list-cells.js");
    return listCells(selection, settings, shard ?? WHOLE, console, flags.listTo);
  }
  if (flags.countTo !== undefined) {
    const { countTo } = await import("../../gate/counting/count-to.js");
    return countTo(flags.countTo, selection, console);
  }
  const { startRun } = await import("../../run/start.js");
  const { inheritedTurns } = await import("../../session/turns.js");
  using turns = flags.inTurns ? inheritedTurns(console.signal) : undefined;
  const request = {
    command: "bench",
    argv,
    settings,
    selection,
    sweeps: selection.sweeps,
    shard,
    turns,
  } as const;
  return await startRun(request, console, output);
}
