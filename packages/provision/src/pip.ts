import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Unavailable } from "@softmax-bench/core";
import { CommandError, run } from "./run.js";

export interface WheelRequest {
  /** As in a requirements file, e.g. `tensorflow-cpu==2.21.0 --hash=sha256:…`. */
  readonly requirement: string;
  /** True to install its dependencies, too. */
  readonly dependencies?: boolean;
  readonly target: string;
  readonly signal: AbortSignal;
}

/** Wheels are taken for this Python, whichever one runs pip: their native libraries are the same. */
const PYTHON_VERSION = "3.11";
const MACHINE: Partial<Record<NodeJS.Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };

/**
 * Unpacks a wheel from the Python package registry that the user's pip is set up for.
 *
 * @throws Unavailable if there is no Python or pip, or pip fails
 */
export async function installWheel({ requirement, dependencies = false, target, signal }: WheelRequest) {
  const machine = MACHINE[process.arch];
  if (process.platform !== "linux" || !machine) {
    throw new Unavailable(
      `no wheels are known for ${process.platform}-${process.arch}`,
      "use Linux on x64 or arm64",
    );
  }
  const scratch = join(target, ".pip");
  await mkdir(scratch, { recursive: true });
  const requirements = join(scratch, "requirements.txt");
  await writeFile(requirements, `${requirement}\n`);
  const glibc = ["2_28", "2_27", "2_17"].flatMap((version) => [
    "--platform",
    `manylinux_${version}_${machine}`,
  ]);
  try {
    await run(
      "python3",
      [
        ...["-m", "pip", "install", "--requirement", requirements, "--target", target],
        ...(dependencies ? [] : ["--no-deps"]),
        ...["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION, ...glibc],
        ...["--no-compile", "--no-input", "--disable-pip-version-check", "--retries", "2"],
      ],
      { signal, env: { TMPDIR: scratch, PIP_ROOT_USER_ACTION: "ignore", PIP_NO_WARN_SCRIPT_LOCATION: "1" } },
    );
  } catch (error) {
    throw error instanceof CommandError ? explainError(error, requirement) : error;
  }
  await rm(scratch, { recursive: true, force: true });
}

function explainError({ found, message }: CommandError, requirement: string): Unavailable {
  if (!found) return new Unavailable("python3 is missing", "install Python 3 with pip");
  if (/No module named pip/.test(message)) {
    return new Unavailable("python3 has no pip", "install it, e.g. apt-get install python3-pip");
  }
  const [wheel] = requirement.split(" ");
  return new Unavailable(
    `pip does not get ${wheel}: ${message}`,
    `see to it that python3 -m pip install --target <folder> ${wheel} works, then run this again`,
  );
}
