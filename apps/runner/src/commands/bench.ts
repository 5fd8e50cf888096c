import { METHODS, WORKLOADS } from "@softmax-bench/core";
import { type Command, Option } from "commander";
import { listCells, resumeBench, startBench } from "../bench.js";
import type { Console } from "../console.js";
import { UsageError } from "../errors.js";
import { type BenchOptions, checkOptions, DEFAULT_OUT, loadConfig, settle } from "../options.js";
import { PROFILES } from "../profiles.js";
import { BACKENDS } from "../registry.js";
import { DTYPES, unknownValue } from "../selection.js";
import { newCommand } from "./command.js";

const commaSeparated = (value: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...value.split(",").map((part) => part.trim()),
];

const ids = (known: readonly { id: string }[]): string => known.map(({ id }) => id).join(", ");

interface Flags {
  readonly profile?: string;
  readonly backend?: string[];
  readonly method?: string[];
  readonly dtype?: string[];
  readonly workload?: string[];
  readonly out?: string;
  readonly seed?: string;
  readonly threads?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly list?: boolean;
  readonly provision: boolean;
}

function command(): Command {
  const profiles = Object.values(PROFILES).map(({ id, summary }) => `${id} (${summary})`);
  return newCommand("bench")
    .description(
      "Measures the error and the time of every gradient of softmax cross-entropy on every backend,\n" +
        "and writes results.json and report.md to a folder per run.",
    )
    .option("--profile <name>", `${profiles.join(", ")}; e.g. --profile smoke`)
    .option(
      "--backend <ids>",
      `${Object.keys(BACKENDS).join(", ")}; e.g. --backend tfjs-wasm`,
      commaSeparated,
    )
    .option("--method <globs>", `${ids(METHODS)}; e.g. --method 'manual/*'`, commaSeparated)
    .option("--dtype <dtypes>", `${DTYPES.join(", ")}; e.g. --dtype float64`, commaSeparated)
    .option(
      "--workload <ids>",
      `${ids(WORKLOADS)}, or a shape; e.g. --workload vocab,64x1000`,
      commaSeparated,
    )
    .option("--out <dir>", `folder that runs are written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`)
    .option("--seed <n>", "seed of the inputs (default: 0); e.g. --seed 7")
    .option("--threads <n>", "threads per backend (default: all cores); e.g. --threads 1")
    .addOption(
      new Option(
        "--resume <run-id>",
        "measure what an interrupted run lacks; e.g. --resume 20260131-120000-full",
      ),
    )
    .option("--no-provision", "do not fetch or build native parts that a backend lacks; e.g. --no-provision")
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .option("--list", "print the cells that would run, and run nothing; e.g. --list --backend tfjs-wasm")
    .addHelpText(
      "after",
      `\nbench.config.ts in the current folder sets the same things; flags win.\n
Exit codes: 0 done; 1 no backend available, or a cell failed, crashed or timed out;
2 wrong usage; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
    );
}

function optionsOf(flags: Flags): BenchOptions {
  if (flags.profile !== undefined && !Object.hasOwn(PROFILES, flags.profile)) {
    throw unknownValue("profile", flags.profile, Object.keys(PROFILES));
  }
  const given = {
    profile: flags.profile,
    backends: flags.backend,
    methods: flags.method,
    dtypes: flags.dtype,
    workloads: flags.workload,
    out: flags.out,
    seed: integer("--seed", flags.seed),
    threads: integer("--threads", flags.threads),
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return checkOptions(Object.fromEntries(set), "flags");
}

function integer(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,10}$/.test(value))
    throw new UsageError(`${flag} takes a whole number, got ${JSON.stringify(value)}`);
  return Number(value);
}

/** Runs the matrix, or a part of it, and writes results and report. */
export async function bench(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const options = optionsOf(flags);
  const file = await loadConfig(process.cwd());
  const output = { json: flags.json ?? false, provision: flags.provision };
  if (flags.resume !== undefined) {
    const { out, ...fixed } = options;
    const [conflict] = [...Object.keys(fixed), ...(flags.list ? ["list"] : [])];
    if (conflict)
      throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
    return resumeBench(out ?? file.out ?? DEFAULT_OUT, flags.resume, console, output);
  }
  const settings = settle(options, file);
  return flags.list ? listCells(settings, console) : startBench(settings, argv, console, output);
}
