import { execFileSync } from "node:child_process";
import { findPython } from "@softmax-bench/host-python";
import { describe, expect, it } from "vitest";

/** Backends whose tests must not be skipped. */
const REQUIRED = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",");

/** Describes what needs a Python with NumPy. Without one that is one skipped test, which says why. */
export async function describeWithPython(name: string, tests: () => void): Promise<void> {
  try {
    const { executable } = await findPython();
    execFileSync(executable, ["-c", "import numpy"], { stdio: "ignore" });
  } catch (error) {
    const title = `${name}: a Python with NumPy is unavailable: ${error}`;
    if (REQUIRED.includes("pytorch") || REQUIRED.includes("jax")) it(title, () => expect.unreachable(title));
    else it.skip(title);
    return;
  }
  describe(name, tests);
}
