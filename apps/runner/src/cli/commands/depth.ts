import { COMPARISONS, DTYPE_IDS, type FloatDType, messageOf, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import { NETWORK_IDS, type NetworkId, network } from "@softmax-bench/networks";
import { Option } from "commander";
import { imagesNeeded } from "../../experiments/networks/network-inputs.js";
import { BACKENDS } from "../../plan/backends.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { loadBackends, loadRegistry } from "../../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { selectOnHosts } from "../../plan/selection.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { DEPTH_LIMITS, type DepthSettings } from "../../results/journal/entries.js";
import type { Console } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { addHostOption, BACKEND_CHOICES, commaSeparated, inRange, integer, newCommand } from "../command.js";

/** Formulations that there are by hand and automatically. */
const FORMULATIONS = COMPARISONS.map(([manual]) => manual.replace("manual/", ""));

const DEFAULTS = {
  network: "resnet",
  depths: [2, 4, 8, 16, 32],
  /** Depths with training. Each step of training costs as much as all computations that a seed is compared with. */
  trainingDepths: [8],
  batch: 32,
  seeds: 5,
  formulation: "naive",
  learningRate: 0.1,
} as const;

interface Flags {
  readonly network?: string;
  readonly depths?: string[];
  readonly batch?: string;
  readonly backend?: string[];
  readonly host?: string[];
  readonly dtype?: string[];
  readonly seeds?: string;
  readonly formulation?: string;
  readonly train?: string;
  readonly learningRate?: string;
  readonly threads?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly provision: boolean;
}

export const command = (defaultBackends: readonly string[] = []) =>
  addHostOption(newCommand("depth"))
    .description(
      "Compares, layer by layer, the gradients of CIFAR networks of growing depth with a hand-written and with an\n" +
        "automatically differentiated loss: how far apart, how far off, and whether either grows with depth.",
    )
    .option("--network <id>", `${NETWORK_IDS.join(", ")} (default: ${DEFAULTS.network}); e.g. --network mlp`)
    .option(
      "--depths <list>",
      `layers with weights, even for resnet (default: ${DEFAULTS.depths}; with --train ${DEFAULTS.trainingDepths}); e.g. --depths 2,8`,
      commaSeparated,
    )
    .option("--batch <n>", `images (default: ${DEFAULTS.batch}); e.g. --batch 8`)
    .option(
      "--backend <ids>",
      `all, or ${BACKEND_CHOICES} (default: ${defaultBackends}); e.g. --backend tfjs-wasm`,
      commaSeparated,
    )
    .option(
      "--dtype <dtypes>",
      `${USUAL_DTYPE_IDS.join(", ")} (default: both); e.g. --dtype float64`,
      commaSeparated,
    )
    .option(
      "--seeds <n>",
      `weights and batches to repeat it with (default: ${DEFAULTS.seeds}); e.g. --seeds 6`,
    )
    .option(
      "--formulation <id>",
      `${FORMULATIONS.join(", ")} (default: ${DEFAULTS.formulation}, the original experiment's); e.g. --formulation fused`,
    )
    .option(
      "--train <steps>",
      "also train from the same start, by hand, automatically and in another order of sums; e.g. --train 200",
    )
    .option(
      "--learning-rate <x>",
      `of training (default: ${DEFAULTS.learningRate}); e.g. --learning-rate 0.3`,
    )
    .option("--threads <n>", "threads per backend (default: all cores); e.g. --threads 1")
    .option("--out <dir>", `folder that runs are written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`)
    .addOption(
      new Option(
        "--resume <run-id>",
        "compare what an interrupted run lacks; e.g. --resume 20260131-120000-depth",
      ),
    )
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .option("--no-provision", "do not fetch or build native parts that a backend lacks; e.g. --no-provision")
    .addHelpText(
      "after",
      `\nImages are CIFAR-10's, from the folder that CIFAR10_DIR names (its binary version), else downloaded once; where
there is no network, synthetic ones, and every output says so. CIFAR10_URL names another place of the same archive.\n
Exit codes: 0 done; 1 no backend available, or a network failed, crashed or timed out;
2 wrong usage, or damaged images; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
    );

/** Runs the depth experiment, and writes results and report. */
export async function depth(argv: readonly string[], console: Console): Promise<number> {
  const builtIn = await fastBackends(Object.keys(BACKENDS));
  const flags = command(builtIn).parse(argv, { from: "user" }).opts<Flags>();
  const { resume, json = false, provision, out = DEFAULT_OUT, ...given } = flags;
  const output = { json, provision };
  try {
    if (resume !== undefined) {
      const [conflict] = Object.keys(given);
      if (conflict)
        throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
      const { resumeRun } = await import("../../run/resume.js");
      return await resumeRun("depth", { out, id: resume }, console, output);
    }
    const wanted = toSettings(given);
    const threads = integer("--threads", flags.threads);
    const settings = resolveSettings(
      checkOptions(
        {
          out,
          ...(flags.host ? { hosts: flags.host } : {}),
          ...(threads === undefined ? {} : { threads }),
        },
        "flags",
      ),
      {},
    );
    const registry = await loadRegistry();
    const selection = await selectOnHosts(
      {
        hosts: settings.hosts,
        backends: flags.backend ?? (await fastBackends(registry.backends)),
        dtypes: flags.dtype?.map(requireTrained),
        methods: Object.values(wanted.methods),
        workloads: [],
      },
      registry,
    );
    const request = { argv, settings, selection, sweeps: [], cellMethods: [], experiment: wanted };
    const { startRun } = await import("../../run/start.js");
    return await startRun({ command: "depth", ...request }, console, output);
  } catch (error) {
    if (console.signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

/** The backends that take a step of a deep network in a second or less. */
async function fastBackends(ids: readonly string[]): Promise<string[]> {
  const backends = await loadBackends(ids);
  return [...backends.values()].filter(({ trainsFast }) => trainsFast).map(({ id }) => id);
}

/** @throws UsageError if a flag is out of range. */
function toSettings(flags: Omit<Flags, "provision">): Omit<DepthSettings, "images"> {
  const id = parseChoice("network", flags.network ?? DEFAULTS.network, NETWORK_IDS);
  const steps = optional("--train", flags.train, DEPTH_LIMITS.train);
  const usual = steps === undefined ? DEFAULTS.depths : DEFAULTS.trainingDepths;
  const batch = optional("--batch", flags.batch, DEPTH_LIMITS.batch) ?? DEFAULTS.batch;
  const formulation = parseChoice("formulation", flags.formulation ?? DEFAULTS.formulation, FORMULATIONS);
  const [manual, autograd] = COMPARISONS[FORMULATIONS.indexOf(formulation)] ?? [];
  if (!manual || !autograd) throw new UsageError(`${formulation} is not there by hand and automatically`);
  const learningRate = parseLearningRate(flags.learningRate) ?? DEFAULTS.learningRate;
  if (steps === undefined && flags.learningRate !== undefined) {
    throw new UsageError("--learning-rate is that of training; add --train, e.g. --train 200");
  }
  const settings = {
    network: id,
    depths: flags.depths ? parseDepths(id, flags.depths) : [...usual],
    batch,
    seeds: optional("--seeds", flags.seeds, DEPTH_LIMITS.seeds) ?? DEFAULTS.seeds,
    methods: { manual, autograd },
    ...(steps === undefined ? {} : { training: { steps, learningRate } }),
  };
  const images = imagesNeeded(settings);
  if (images > DEPTH_LIMITS.images) {
    throw new UsageError(
      `--batch ${batch} and --seeds ${settings.seeds} need ${images} images, CIFAR-10 has ${DEPTH_LIMITS.images}; choose smaller ones`,
    );
  }
  return settings;
}

function parseChoice<Id extends string>(kind: string, value: string, known: readonly Id[]): Id {
  const found = known.find((id) => id === value);
  if (!found) throw unknownValue(kind, value, known);
  return found;
}

const optional = (flag: string, value: string | undefined, most: number): number | undefined =>
  value === undefined ? undefined : inRange(flag, value, most);

function parseDepths(id: NetworkId, list: readonly string[]): number[] {
  const depths = list.map((value) => inRange("--depths", value, DEPTH_LIMITS.depth));
  for (const depth of depths) {
    try {
      network(id, depth, 1, "float32" satisfies FloatDType);
    } catch (error) {
      throw new UsageError(`--depths: ${messageOf(error)}`);
    }
  }
  return [...new Set(depths)].sort((a, b) => a - b);
}

function parseLearningRate(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const rate = Number(value);
  if (value.trim() !== "" && rate > 0 && Number.isFinite(rate)) return rate;
  throw new UsageError(`--learning-rate takes a positive number, got ${JSON.stringify(value)}`);
}

/** @throws UsageError for a dtype that networks are not trained in */
function requireTrained(dtype: string): string {
  const isUsual = USUAL_DTYPE_IDS.some((usual) => usual === dtype);
  if (isUsual || !DTYPE_IDS.some((known) => known === dtype)) return dtype;
  throw new UsageError(`--dtype expects ${USUAL_DTYPE_IDS.join(" or ")} for networks, got ${dtype}`);
}
