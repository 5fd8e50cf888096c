import { isSystemError, messageOf, Unavailable } from "@softmax-bench/core";
import { readOutput } from "@softmax-bench/provision";

/** A Python on this machine. */
export interface Python {
  readonly executable: string;
  /** `3.11.2` */
  readonly version: string;
}

/** The variable that names the program of Python. */
const VARIABLE = "SOFTMAX_BENCH_PYTHON";
const OLDEST = [3, 9] as const;
const VERSION = "import platform; print(platform.python_version())";

/** Longer than Python takes to print its version, in milliseconds. */
const TIMEOUT_MS = 20_000;

/** Finds the Python that references run in: the one that `SOFTMAX_BENCH_PYTHON` names, else `python3`. @throws Unavailable if it is not there, or not fit */
export async function findPython(): Promise<Python> {
  const executable = process.env.SOFTMAX_BENCH_PYTHON || "python3";
  const version = await queryVersion(executable);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new Unavailable(
      `${executable} is Python ${version}, and softmax-bench needs ${OLDEST.join(".")} or later`,
      `name a later one: ${VARIABLE}=/path/to/python3`,
    );
  }
  return { executable, version };
}

async function queryVersion(executable: string): Promise<string> {
  const elsewhere = `name another Python: ${VARIABLE}=/path/to/python3`;
  try {
    const stdout = await readOutput([executable, "-c", VERSION], TIMEOUT_MS);
    const version = /^\d+\.\d+\.\d+/.exec(stdout)?.[0];
    if (version) return version;
    throw new Error(`expected a version, got ${JSON.stringify(stdout.slice(0, 40))}`);
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") {
      throw new Unavailable(
        `there is no ${executable} here`,
        `install Python ${OLDEST.join(".")} or later, or ${elsewhere}`,
      );
    }
    const message = messageOf(error);
    throw new Unavailable(
      `${executable} does not run: ${message.split("\n").slice(0, 2).join(" ")}`,
      elsewhere,
    );
  }
}
