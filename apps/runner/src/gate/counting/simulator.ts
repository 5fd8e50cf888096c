import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@softmax-bench/core";
import { CURRENT_RUNTIME, javascriptWorker, type WorkerCommand } from "@softmax-bench/host-node";
import { readOutput } from "@softmax-bench/provision";
import { BACKENDS_MODULE } from "../../plan/load-backends.js";
import { UsageError } from "../../terminal/errors.js";

/**
 * Valgrind's Callgrind, which simulates a processor and counts the instructions that a process executes. It writes its
 * counts since the last time to a file whenever a certain function begins: the mark of a worker.
 */

/** The function of libuv behind `os.getPriority`. */
const MARK = "uv_os_getpriority";

/**
 * Counting begins on a command, since a runtime starts in a fifth of the time without it. Code that V8 discards and
 * compiles again is in memory that the simulator has to watch.
 */
const CALLGRIND = ["--tool=callgrind", "--quiet", "--instr-atstart=no", "--smc-check=all-non-file"];

/** The prefix of the pipes through which the simulator takes commands: one process for each folder. */
const pipes = (folder: string): string => `--vgdb-prefix=${join(folder, "vgdb")}`;

/**
 * Flags with which V8 does the same work each time: compilation and garbage collection on the main thread, the latter at once and
 * not in steps between calls, seeds of hashes and random numbers, and WebAssembly compiled once, by the optimising compiler, when
 * it is first called.
 */
const DETERMINISTIC_V8 = [
  ...["--predictable", "--single-threaded", "--no-incremental-marking", "--hash-seed=1", "--random-seed=1"],
  ...["--no-liftoff", "--wasm-lazy-compilation"],
];

const VERSION_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 300_000;

/** The simulator's name and version. @throws UsageError if it is not installed */
export async function findSimulator(): Promise<string> {
  try {
    return (await readOutput(["valgrind", "--version"], VERSION_TIMEOUT_MS)).trim();
  } catch {
    throw new UsageError(
      "--instructions counts in Valgrind, which is not installed; install the Debian package valgrind (apt-get install valgrind), or leave out --instructions",
    );
  }
}

/** The command of a worker in the simulator. @param folder receives the counts */
export const simulatedWorker = (folder: string): WorkerCommand =>
  javascriptWorker(CURRENT_RUNTIME, BACKENDS_MODULE, {
    launcher: [
      "valgrind",
      ...CALLGRIND,
      pipes(folder),
      `--callgrind-out-file=${join(folder, "counts")}`,
      `--dump-before=${MARK}`,
    ],
    flags: DETERMINISTIC_V8,
  });

/** Starts counting in the simulator of a worker. @throws UsageError if it takes no commands */
export async function beginCounting(folder: string): Promise<void> {
  try {
    await readOutput(["vgdb", pipes(folder), "instrumentation", "on"], COMMAND_TIMEOUT_MS);
  } catch (error) {
    throw new UsageError(
      `Valgrind takes no commands through vgdb: ${messageOf(error)}; allow ptrace, in a container with --cap-add SYS_PTRACE`,
    );
  }
}

/** The counts that the simulator writes to a folder, by mark. */
export class CountFiles {
  readonly #folder: string;
  #marks = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Instructions between each two of the next marks. */
  take(marks: number): number[] {
    const counts = Array.from({ length: marks }, () => {
      const file = join(this.#folder, `counts.${++this.#marks}`);
      const count = parseCount(readFileSync(file, "utf8"));
      rmSync(file);
      return count;
    });
    // The first is of everything before these marks.
    return counts.slice(1);
  }
}

/** The number of instructions in a file of Callgrind. @throws Error if there is none */
export function parseCount(text: string): number {
  const count = /^(?:totals|summary): (\d+)$/m.exec(text)?.[1];
  if (count === undefined) throw new Error("Callgrind wrote a file without a total");
  return Number(count);
}
