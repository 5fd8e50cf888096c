import { availableParallelism } from "node:os";
import { Option } from "commander";
import {
  DEFAULT_CLASSES,
  DEFAULT_ROWS,
  elementsOf,
  MOST_ELEMENTS,
  shapeGrid,
  threadCounts,
} from "../../experiments/scaling/shapes.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { loadRegistry } from "../../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { selectOnHosts } from "../../plan/selection.js";
import { MOST_SCALING_VALUES } from "../../results/journal/entries.js";
import type { Console } from "../../terminal/console.js";
import { UsageError } from "../../terminal/errors.js";
import {
  addDtypeOption,
  addHostOption,
  BACKEND_CHOICES,
  commaSeparated,
  inRange,
  newCommand,
  type SelectionFlags,
} from "../command.js";

const DEFAULT_METHOD = "manual/fused";
const DEFAULT_DTYPE = "float32";
const MOST_THREADS = 1024;

interface Flags extends Pick<SelectionFlags, "backend" | "method" | "provision"> {
  readonly dtype?: string[];
  readonly rows?: string[];
  readonly classes?: string[];
  readonly threads?: string[];
  readonly host?: string[];
  readonly out?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

export const command = () =>
  addDtypeOption(
    addHostOption(
      newCommand("scaling").description(
        "Times the gradient over rows, classes and threads, and fits time = overhead + rows + bytes / bandwidth: what a call\n" +
          "costs whatever its size, how fast large ones are, where threads begin to pay, and what memory is held.",
      ),
    ),
  )
    .option(
      "--backend <ids>",
      `all, or ${BACKEND_CHOICES} (default: all); e.g. --backend tfjs-wasm`,
      commaSeparated,
    )
    .option("--method <globs>", `(default: ${DEFAULT_METHOD}); e.g. --method 'manual/*'`, commaSeparated)
    .option("--rows <list>", `(default: ${DEFAULT_ROWS}); e.g. --rows 1,1024`, commaSeparated)
    .option(
      "--classes <list>",
      `(default: ${DEFAULT_CLASSES}); shapes of more than ${MOST_ELEMENTS} elements are left out; e.g. --classes 10,1000`,
      commaSeparated,
    )
    .option(
      "--threads <list>",
      "(default: powers of two up to all cores); a backend that has no choice is timed if its number is among them; e.g. --threads 1,2",
      commaSeparated,
    )
    .option("--out <dir>", `folder that runs are written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`)
    .addOption(
      new Option(
        "--resume <run-id>",
        "time what an interrupted run lacks; e.g. --resume 20260131-120000-scaling",
      ),
    )
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .option("--no-provision", "do not fetch or build native parts that a backend lacks; e.g. --no-provision")
    .addHelpText(
      "after",
      `\nExit codes: 0 done; 1 no backend available, nothing timed, or a series failed, crashed or timed out;
2 wrong usage; 130 stopped by Ctrl-C or SIGTERM (continue with --resume).`,
    );

/** Times gradients over many shapes, and writes results and report. */
export async function scaling(argv: readonly string[], console: Console): Promise<number> {
  const {
    resume,
    json = false,
    provision,
    out,
    ...given
  } = command().parse(argv, { from: "user" }).opts<Flags>();
  const output = { json, provision };
  if (resume !== undefined) {
    const [conflict] = Object.keys(given);
    if (conflict)
      throw new UsageError(`--resume continues a run as it was started; leave out its ${conflict}`);
    const { resumeRun } = await import("../../run/resume.js");
    return resumeRun("scaling", { out: out ?? DEFAULT_OUT, id: resume }, console, output);
  }
  const { rows = DEFAULT_ROWS, classes = DEFAULT_CLASSES, threads } = parseLists(given);
  if (shapeGrid(rows, classes).length === 0) {
    const smallest = elementsOf({ rows: Math.min(...rows), classes: Math.min(...classes) });
    throw new UsageError(
      `--rows and --classes leave no shape of at most ${MOST_ELEMENTS} elements; the smallest has ${smallest}`,
    );
  }
  const counts = threads ?? threadCounts(availableParallelism());
  const settings = resolveSettings(
    checkOptions(
      {
        ...(out ? { out } : {}),
        ...(given.host ? { hosts: given.host } : {}),
        threads: Math.max(...counts),
      },
      "flags",
    ),
    {},
  );
  const selection = await selectOnHosts(
    {
      hosts: settings.hosts,
      backends: given.backend,
      methods: given.method ?? [DEFAULT_METHOD],
      dtypes: given.dtype ?? [DEFAULT_DTYPE],
      workloads: [],
    },
    await loadRegistry(),
  );
  const request = { argv, settings, selection, sweeps: [], cellMethods: [] };
  const { startRun } = await import("../../run/start.js");
  return startRun(
    { command: "scaling", ...request, scaling: { rows, classes, threads: counts } },
    console,
    output,
  );
}

/** @throws UsageError if a list has anything but whole numbers in range. */
function parseLists({ rows, classes, threads }: Pick<Flags, "rows" | "classes" | "threads">) {
  const list = (flag: string, values: readonly string[] | undefined, most: number) => {
    if (values && values.length > MOST_SCALING_VALUES) {
      throw new UsageError(`${flag} takes at most ${MOST_SCALING_VALUES} numbers, got ${values.length}`);
    }
    return values && [...new Set(values.map((value) => inRange(flag, value, most)))].sort((a, b) => a - b);
  };
  return {
    rows: list("--rows", rows, MOST_ELEMENTS),
    classes: list("--classes", classes, MOST_ELEMENTS),
    threads: list("--threads", threads, MOST_THREADS),
  };
}
