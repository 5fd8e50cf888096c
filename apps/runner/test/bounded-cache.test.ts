import type { Workload } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { BoundedCache } from "../dist/experiments/cells/bounded-cache.js";
import { InputSource } from "../dist/experiments/cells/inputs.js";
import { ReferenceSource } from "../dist/experiments/cells/oracle-cache.js";

/** A value of as many bytes as its key says. */
const cacheOf = (limitBytes: number) => {
  const computed: string[] = [];
  const cache = new BoundedCache<Uint8Array>({ limitBytes, sizeOf: ({ byteLength }) => byteLength });
  const get = (key: string) =>
    cache.get(key, () => {
      computed.push(key);
      return new Uint8Array(Number.parseInt(key, 10));
    });
  return { get, computed };
};

describe("BoundedCache", () => {
  it("computes a value once as long as it is kept", () => {
    const { get, computed } = cacheOf(10);
    expect(get("4a")).toBe(get("4a"));
    expect(computed).toEqual(["4a"]);
  });

  it("drops what was not used for longest, and no more than it must", () => {
    const { get, computed } = cacheOf(10);
    for (const key of ["4a", "4b", "2c", "4a", "3d", "4a", "2c", "3d", "4b"]) get(key);
    expect(computed).toEqual(["4a", "4b", "2c", "3d", "4b"]);
  });

  it("keeps a value that is larger than the limit until the next one, which has the whole limit again", () => {
    const { get, computed } = cacheOf(10);
    for (const key of ["4a", "11b", "11b", "5c", "5d", "5c", "11b"]) get(key);
    expect(computed).toEqual(["4a", "11b", "5c", "5d", "11b"]);
  });
});

/** Workloads of 64 × 100: 51 200 bytes of float64 logits, 102 400 bytes of reference. */
const WORKLOADS = Array.from(
  { length: 12 },
  (_, index): Workload => ({
    id: `workload-${index}`,
    summary: "",
    rows: 64,
    classes: 100,
    scale: 1,
    margin: 0,
    labels: "uniform",
  }),
);

/** The number of values that are returned again when the workloads are asked for once more. */
function keptFromNewest(compute: (workload: Workload) => object): number {
  const first = WORKLOADS.map(compute);
  // From the newest on: what is computed again takes the place of something that was counted already, or is not there.
  const newestFirst = WORKLOADS.map((workload, index) => ({ workload, value: first[index] })).toReversed();
  return newestFirst.filter(({ workload, value }) => compute(workload) === value).length;
}

describe("what the parent keeps", () => {
  it("is as many references as fit into the limit, however many workloads there are", () => {
    const references = new ReferenceSource(0, new InputSource(0), 350_000);
    const kept = keptFromNewest((workload) => references.of({ workload, dtype: "float32" }));
    expect(kept).toBe(3);
  });

  it("is as many inputs as fit into the limit, however many workloads there are", () => {
    const inputs = new InputSource(0, 160_000);
    expect(keptFromNewest((workload) => inputs.of(workload, "float64"))).toBe(3);
  });

  it("is computed again as it was", () => {
    const [first, ...others] = WORKLOADS as [Workload, ...Workload[]];
    const inputs = new InputSource(7, 160_000);
    const references = new ReferenceSource(7, inputs, 350_000);
    const before = references.of({ workload: first, dtype: "float32" });
    for (const workload of others) references.of({ workload, dtype: "float32" });
    const after = references.of({ workload: first, dtype: "float32" });
    expect(after).not.toBe(before);
    expect(after).toEqual(before);
  });
});
