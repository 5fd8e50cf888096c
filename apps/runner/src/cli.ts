import { METHODS, WORKLOADS } from "@softmax-bench/core";
import { Command, CommanderError, Option } from "commander";
import { type Console, listCells, resumeBench, startBench } from "./bench.js";
import { EXIT, UsageError } from "./errors.js";
import { type BenchOptions, checkOptions, DEFAULT_OUT, loadConfig, settle } from "./options.js";
import { PROFILES } from "./profiles.js";
import { BACKENDS } from "./registry.js";
import { DTYPES, unknownValue } from "./selection.js";

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
}

function command(): Command {
  const profiles = Object.values(PROFILES).map(({ id, summary }) => `${id} (${summary})`);
  return new Command("bench")
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
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .option("--list", "print the cells that would run, and run nothing; e.g. --list --backend tfjs-wasm")
    .addHelpText(
      "after",
      `\nbench.config.ts in the current folder sets the same things; flags win.\n
Exit codes: 0 done; 1 no backend available, or a cell failed, crashed or timed out;
2 wrong usage; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
    )
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
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

/** Runs `bench` and returns its exit code. */
export async function runBench(argv: readonly string[], console: Console): Promise<number> {
  try {
    return await dispatch(command().parse(argv, { from: "user" }).opts<Flags>(), argv, console);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const known = error instanceof CommanderError || error instanceof UsageError;
    const text = error instanceof Error ? (known ? error.message : error.stack) : String(error);
    console.stderr.write(`bench: ${known ? text?.replace(/^error: /, "").replaceAll("\n", " ") : text}\n`);
    return EXIT.usage;
  }
}

async function dispatch(flags: Flags, argv: readonly string[], console: Console): Promise<number> {
  const options = optionsOf(flags);
  const file = await loadConfig(process.cwd());
  const json = flags.json ?? false;
  if (flags.resume !== undefined) {
    const { out, ...fixed } = options;
    const [conflict] = [...Object.keys(fixed), ...(flags.list ? ["list"] : [])];
    if (conflict)
      throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
    return resumeBench(out ?? file.out ?? DEFAULT_OUT, flags.resume, console, { json });
  }
  const settings = settle(options, file);
  return flags.list ? listCells(settings, console) : startBench(settings, argv, console, { json });
}
