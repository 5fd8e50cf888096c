import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FloatDType } from "@softmax-bench/core";
import { messageOf } from "@softmax-bench/core";
import { REPOSITORY_ROOT } from "../../fs/repository.js";
import { UsageError } from "../../terminal/errors.js";

const SOURCE = join(REPOSITORY_ROOT, "tools", "native-limit", "limit.c");
const FLAGS = ["-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-std=gnu11", "-lm"];

/** The same gradient in C, built for this processor: the reference for JavaScript's gradients. */
export interface NativeLimit extends Disposable {
  /** The compiler and its flags. */
  readonly compiler: string;
  /** Nanoseconds of each gradient, measured for about the given number of milliseconds. */
  times(
    shape: { readonly rows: number; readonly classes: number },
    dtype: FloatDType,
    threads: number,
    milliseconds: number,
  ): Promise<number[]>;
}

/** Builds the program of `tools/native-limit`, in a second. @throws UsageError without a compiler, or if it fails */
export async function buildNativeLimit(signal: AbortSignal): Promise<NativeLimit> {
  const compiler = process.env.CC || "cc";
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-limit-"));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "limit");
  try {
    await output(compiler, ["-o", program, SOURCE, ...FLAGS], signal);
    if (!existsSync(program)) throw new Error("it made no program");
  } catch (error) {
    dispose();
    if (signal.aborted) throw error;
    throw new UsageError(
      `${compiler} did not build ${SOURCE}: ${messageOf(error)}; install a C compiler with OpenMP, e.g. apt-get install gcc, or name one in CC`,
    );
  }
  return {
    compiler: [compiler, ...FLAGS].join(" "),
    async times({ rows, classes }, dtype, threads, milliseconds) {
      const numbers = [rows, classes, threads, milliseconds].map(String);
      try {
        const said = await output(program, ["time", dtype, ...numbers], signal);
        const times = said.trim().split("\n").map(Number);
        if (times.every((ns) => ns > 0)) return times;
        throw new Error(`expected nanoseconds, got ${JSON.stringify(said.slice(0, 60))}`);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new UsageError(`native code on ${rows}x${classes} ${dtype}: ${messageOf(error)}`);
      }
    },
    [Symbol.dispose]: dispose,
  };
}

const execute = promisify(execFile);

/** Bytes of the times of hundreds of thousands of calls. */
const LONGEST_OUTPUT = 2 ** 26;

/** The output of a program. @throws Error with its error output, unless it exits 0 */
async function output(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    return (await execute(file, args, { signal, maxBuffer: LONGEST_OUTPUT })).stdout;
  } catch (error) {
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    throw new Error(stderr.trim().split("\n")[0] || message);
  }
}
