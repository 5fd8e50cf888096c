import { SWEEPS } from "@softmax-bench/core";
import { Option } from "commander";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { loadRegistry } from "../../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { selectOnHosts, selectSweeps } from "../../plan/selection.js";
import { unknownValue } from "../../plan/unknown-value.js";
import type { Console } from "../../terminal/console.js";
import { UsageError } from "../../terminal/errors.js";
import {
  addDtypeOption,
  addHostOption,
  commaSeparated,
  integer,
  newCommand,
  type SelectionFlags,
  toConsent,
  withSelection,
} from "../command.js";

/** The original experiment, which a precision run repeats: its workload and its two methods. */
const EXPERIMENT = { id: "seed-3200", methods: ["autograd/naive", "manual/naive"] } as const;

const PARTS: readonly string[] = [...SWEEPS.map(({ id }) => id), EXPERIMENT.id];

interface Flags extends SelectionFlags {
  readonly host?: string[];
  readonly dtype?: string[];
  readonly sweep?: string[];
  readonly out?: string;
  readonly seed?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

export const command = () =>
  addDtypeOption(
    addHostOption(
      withSelection(
        newCommand("study precision")
          .description(
            "Draws the error of every gradient along sweeps – classes, scale, offset, confidence, … –, repeats the\n" +
              "original experiment (3200×3200, by hand against automatic), and says which formulation can be trusted where.",
          )
          .option(
            "--sweep <ids>",
            `${PARTS.join(", ")} (the original experiment); e.g. --sweep classes,offset`,
            commaSeparated,
          ),
      ),
    ),
  )
    .option("--out <dir>", `folder that runs are written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`)
    .option("--seed <n>", "seed of the inputs (default: 0); e.g. --seed 7")
    .addOption(
      new Option(
        "--resume <run-id>",
        "draw what an interrupted run lacks; e.g. --resume 20260131-120000-precision",
      ),
    )
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .addHelpText(
      "after",
      `\nExit codes: 0 done; 1 no backend available, or a curve or cell failed, crashed or timed out;
2 wrong usage; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
    );

/** Draws error curves and repeats the original experiment. */
export async function precision(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const { sweep: parts = PARTS, resume, json = false, provision, yes, ...given } = flags;
  const output = { json, consent: toConsent({ provision, yes }, console) };
  const out = flags.out ?? DEFAULT_OUT;
  if (resume !== undefined) {
    const { out: _, ...fixed } = given;
    const [conflict] = [...Object.keys(fixed), ...(flags.sweep ? ["sweep"] : [])];
    if (conflict)
      throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
    const { resumeRun } = await import("../../run/resume.js");
    return resumeRun("precision", { out, id: resume }, console, output);
  }
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw unknownValue("sweep", unknown, PARTS);
  const settings = resolveSettings(toOptions(flags), {});
  const experiment = parts.includes(EXPERIMENT.id);
  const workloads = experiment ? [EXPERIMENT.id] : [];
  const selection = await selectOnHosts({ ...settings, cells: undefined, workloads }, await loadRegistry());
  const { startRun } = await import("../../run/start.js");
  return startRun(
    {
      command: "precision",
      argv,
      settings,
      selection,
      sweeps: selectSweeps(parts.filter((part) => part !== EXPERIMENT.id)),
      cellMethods: EXPERIMENT.methods.filter((method) => selection.methods.includes(method)),
    },
    console,
    output,
  );
}

function toOptions({ backend, host, method, dtype, out, seed, threads }: Flags) {
  const given = {
    backends: backend,
    hosts: host,
    methods: method,
    dtypes: dtype,
    out,
    seed: integer("--seed", seed),
    threads: integer("--threads", threads),
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return checkOptions(Object.fromEntries(set), "flags");
}
