import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Unavailable } from "@softmax-bench/core";
import { PLATFORM } from "./platform.js";
import { CommandError, run } from "./run.js";

export interface WheelsRequest {
  /** A line of a requirements file for each wheel, e.g. `tensorflow-cpu==2.21.0 --hash=sha256:…`. */
  readonly requirements: readonly string[];
  /** True to install its dependencies, too. */
  readonly dependencies?: boolean;
  readonly target: string;
  readonly signal: AbortSignal;
}

/** Wheels are taken for this Python, whichever one runs pip: their native libraries are the same. */
const PYTHON_VERSION = "3.11";
const MACHINE: Partial<Record<NodeJS.Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };

/**
 * Unpacks wheels from the Python package registry that the user's pip is set up for.
 *
 * @throws Unavailable if there is no Python or pip, or pip fails
 */
export async function installWheels({ requirements, dependencies = false, target, signal }: WheelsRequest) {
  const machine = MACHINE[process.arch];
  if (process.platform !== "linux" || !machine) {
    throw new Unavailable(`no wheels are known for ${PLATFORM}`, "use Linux on x64 or arm64");
  }
  const scratch = join(target, ".pip");
  await mkdir(scratch, { recursive: true });
  const list = join(scratch, "requirements.txt");
  await writeFile(list, requirements.map((line) => `${line}\n`).join(""));
  const glibc = ["2_28", "2_27", "2_17"].flatMap((version) => [
    "--platform",
    `manylinux_${version}_${machine}`,
  ]);
  try {
    await run(
      "python3",
      [
        ...["-m", "pip", "install", "--requirement", list, "--target", target],
        ...(dependencies ? [] : ["--no-deps"]),
        ...["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION, ...glibc],
        ...["--no-compile", "--no-input", "--disable-pip-version-check", "--retries", "2"],
      ],
      { signal, env: { TMPDIR: scratch, PIP_ROOT_USER_ACTION: "ignore", PIP_NO_WARN_SCRIPT_LOCATION: "1" } },
    );
  } catch (error) {
    throw error instanceof CommandError ? explainError(error, requirements) : error;
  }
  await rm(scratch, { recursive: true, force: true });
}

function explainError({ found, message }: CommandError, requirements: readonly string[]): Unavailable {
  if (!found) return new Unavailable("python3 is missing", "install Python 3 with pip");
  if (/No module named pip/.test(message)) {
    return new Unavailable("python3 has no pip", "install it, e.g. apt-get install python3-pip");
  }
  // Without their checksums.
  const wheels = requirements.map((line) => line.split(/\s/, 1)[0]).join(" ");
  return new Unavailable(
    `pip does not get ${wheels}: ${message}`,
    `see to it that python3 -m pip install --target <folder> ${wheels} works, then run this again`,
  );
}
