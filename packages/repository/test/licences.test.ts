import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import satisfies from "spdx-satisfies";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ROOT } from "./root.js";

/**
 * Licences that what is shipped may have: permissive ones, which go together with Apache-2.0 and ask for no more than their
 * text to be kept. Every package brings its text along.
 */
const ALLOWED = [
  ...["Apache-2.0", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD"],
  ...["BlueOak-1.0.0", "CC0-1.0", "Unlicense"],
];

const { packageManager } = z
  .object({ packageManager: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

const license = z.union([
  z.object({ license: z.object({ id: z.string() }) }).transform((one) => one.license.id),
  z.object({ license: z.object({ name: z.string() }) }).transform((one) => one.license.name),
  z.object({ expression: z.string() }).transform((one) => one.expression),
]);
const billOfMaterials = z.object({
  bomFormat: z.literal("CycloneDX"),
  components: z.array(
    z.object({
      purl: z.string(),
      licenses: z.array(license).default([]),
    }),
  ),
});

/** Every package that the command line and the runtimes need when they run, with its licences. */
const shipped = () => {
  const all = ["-y", packageManager, "--filter", "@softmax-bench/all"];
  const sbom = ["sbom", "--prod", "--sbom-format", "cyclonedx"];
  const stdout = execFileSync("npx", [...all, ...sbom], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return billOfMaterials.parse(JSON.parse(stdout)).components;
};

/** True if an SPDX expression can be satisfied with allowed licences; what is no expression cannot. */
function isAllowed(expression: string): boolean {
  try {
    return satisfies(expression, ALLOWED);
  } catch {
    return false;
  }
}

describe("the licences of what is shipped", () => {
  it("are all on the list of those that go together with this project's", () => {
    const components = shipped();
    // A list that misses what it should have would pass.
    for (const name of ["onnxruntime-node", "%40tensorflow/tfjs-core", "%40jax-js/jax", "zod"]) {
      expect(components.some(({ purl }) => purl.startsWith(`pkg:npm/${name}@`))).toBe(true);
    }
    const refused = components.filter(({ licenses }) => licenses.length === 0 || !licenses.every(isAllowed));
    expect(refused).toEqual([]);
  });

  it("are refused if they ask for more, or cannot be read", () => {
    for (const one of ["GPL-3.0-only", "MIT AND GPL-2.0-only", "SEE LICENSE IN x", "UNLICENSED", ""]) {
      expect(isAllowed(one), one).toBe(false);
    }
    for (const one of ["MIT", "(MIT OR GPL-2.0-only)", "Apache-2.0 AND MIT"])
      expect(isAllowed(one), one).toBe(true);
  });
});
