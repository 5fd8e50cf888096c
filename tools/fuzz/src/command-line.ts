import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitCommand } from "./campaign.js";
import { CONTROL, type Fault } from "./examine.js";
import { Random } from "./random.js";
import { loadTarget } from "./targets/index.js";
import { ROOT } from "./targets/target.js";

const MAIN = join(ROOT, "apps/runner/dist/main.js");

/** Processor time that a command may take, in seconds. */
const LONGEST_CPU_S = 10;
/** Total time of a command, in milliseconds: it may wait for other programs on a busy machine, but not forever. */
const LONGEST_MS = 120_000;

/** The longest line that a command may print. */
const LONGEST_LINE = 4000;

/** The target of hostile texts. */
const ESCAPED = "/tmp/escaped";

/** A command that reads files of a format. */
interface UsedCommand {
  readonly format: string;
  /** The place of the file, below the folder of the case. */
  readonly file: string;
  readonly argv: (folder: string, random: Random) => readonly string[];
}

const RUN = "runs/20260101-000000-smoke";
const SMALL = ["--backend", "wasm-simd", "--method", "manual/fused", "--threads", "1", "--no-provision"];

const COMMANDS: readonly UsedCommand[] = [
  {
    format: "results",
    file: `${RUN}/results.json`,
    argv: (folder) => ["compare", join(folder, RUN), GOOD_RESULTS, "--out", join(folder, "out")],
  },
  {
    format: "results",
    file: `${RUN}/results.json`,
    argv: (folder) => ["compare", GOOD_RESULTS, "latest", "--in", join(folder, "runs")],
  },
  {
    format: "results",
    file: `${RUN}/results.json`,
    argv: (folder) => ["history", "--in", join(folder, "runs"), "--out", join(folder, "out")],
  },
  {
    format: "results",
    file: `${RUN}/results.json`,
    argv: (folder) => ["merge", join(folder, RUN), "--out", join(folder, "out")],
  },
  {
    format: "results",
    file: `${RUN}/results.json`,
    argv: (folder) => ["report", join(folder, RUN), "--html", join(folder, "out/page.html")],
  },
  {
    format: "journal",
    file: `${RUN}/journal.jsonl`,
    argv: (folder) => ["merge", join(folder, RUN), "--out", join(folder, "out")],
  },
  {
    format: "onnx",
    file: "model.onnx",
    argv: (folder, random) => [
      ...["export", "--model", join(folder, "model.onnx"), "--out", join(folder, "out/trained.onnx")],
      ...random.pick([[], ["--target", "any"], ["--loss", "manual/shifted"], ["--wrt", "all"]]),
    ],
  },
  {
    format: "npy",
    file: "logits.npy",
    argv: (folder, random) => [
      ...[
        "gradient",
        "--logits",
        join(folder, "logits.npy"),
        "--labels",
        random.pick(["[0,1]", "[0]", "[[1,0,0]]"]),
      ],
      ...SMALL,
    ],
  },
  {
    format: "npy",
    file: "labels.npy",
    argv: (folder) => [
      "gradient",
      "--logits",
      "[[1,2,3],[4,5,6]]",
      "--labels",
      join(folder, "labels.npy"),
      ...SMALL,
    ],
  },
  {
    format: "npy",
    file: "gradient.npy",
    argv: (folder, random) => [
      ...["judge", "--logits", "[[1,2,3],[4,5,6]]", "--labels", "[0,1]"],
      ...["--gradient", join(folder, "gradient.npy")],
      ...random.pick([[], ["--json"], ["--dtype", "bfloat16"]]),
    ],
  },
  {
    format: "safetensors",
    file: "x.safetensors",
    argv: (folder, random) => [
      ...["judge", "--logits", "[[1,2,3],[4,5,6]]", "--labels", "[0,1]"],
      ...["--gradient", join(folder, random.pick(["x.safetensors", "x.safetensors#F16"]))],
    ],
  },
];

const GOOD_RESULTS = join(ROOT, "tools/fuzz/corpus/results/bench.json");

/** A fault of a command, and the file that led to it. */
export interface CommandFinding extends Fault {
  readonly argv: readonly string[];
  readonly input: Uint8Array;
}

/** Runs commands of the real command line in succession, each on another mutated file. */
export async function runCommands(count: number, seed: number): Promise<CommandFinding[]> {
  const findings: CommandFinding[] = [];
  for (let index = 0; index < count; index++) {
    const random = new Random(`command/${seed}/${index}`);
    const command = COMMANDS[index % COMMANDS.length] as UsedCommand;
    const target = await loadTarget(command.format);
    findings.push(...runCommand(command, target.mutate(random.pick(target.seeds()), random), random));
  }
  return findings;
}

function runCommand(
  { file, argv: argvOf }: UsedCommand,
  input: Uint8Array,
  random: Random,
): CommandFinding[] {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  try {
    for (const name of ["out", "here", RUN]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, file), input);
    const argv = argvOf(folder, random);
    const [program = "", ...args] = limitCommand([process.execPath, MAIN, ...argv], LONGEST_CPU_S);
    const ended = spawnSync(program, args, {
      cwd: join(folder, "here"),
      encoding: "utf8",
      timeout: LONGEST_MS,
      maxBuffer: 2 ** 26,
      env: { ...process.env, NO_COLOR: "1" },
    });
    const faults = [...findFaults(ended), ...strayFiles(folder, file)];
    return faults.map((fault) => ({ ...fault, argv, input }));
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(ESCAPED, { force: true, recursive: true });
  }
}

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function findFaults({ status, signal, stdout, stderr }: Ended): Fault[] {
  const output = `${stdout}\n${stderr}`;
  const faultIf = (isFault: boolean, kind: string): Fault[] =>
    isFault ? [{ kind, detail: output.slice(-1500) }] : [];
  return [
    ...faultIf(signal !== null, `ended by ${signal}`),
    ...faultIf(status !== null && ![0, 1, 2, 3].includes(status), `exit code ${status}`),
    ...faultIf(/^ {4}at |\b(Range|Type|Syntax|Reference)Error\b/m.test(output), "error without a name"),
    ...faultIf(CONTROL.test(output.replaceAll("\n", "")), "control character"),
    ...faultIf(
      output.split("\n").some((line) => line.length > LONGEST_LINE),
      "long line",
    ),
  ];
}

/** Files in places that may not be written to: all but `out`, or the report beside a run's results. */
function strayFiles(folder: string, file: string): Fault[] {
  const strays = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (path) => !/^(out\/.*|out|here|runs(\/[^/]+)?)$/.test(path) && path !== file,
  );
  if (existsSync(ESCAPED)) strays.push(ESCAPED);
  return strays.map((path) => ({ kind: "file outside the output folder", detail: path }));
}
