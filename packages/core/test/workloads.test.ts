import { createHash } from "node:crypto";
import { checkedRows, findWorkload, generateInputs, WORKLOADS, type Workload } from "@softmax-bench/core";
import { FORMATS, roundToFormat } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";
import { portableLog } from "../src/workloads/random.js";

const sha256 = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
  createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex")
    .slice(0, 16);

const named = (id: string): Workload => findWorkload(id) as Workload;

describe("workloads", () => {
  it("give identical bits on every machine", () => {
    const digests = ["cifar-head", "imagenet-head-16", "seed-128", "64x10"].map((id) => {
      const { logits, labels } = generateInputs(named(id), "float64", 0);
      return `${id} ${sha256(logits)} ${sha256(labels)}`;
    });
    expect(digests).toMatchInlineSnapshot(`
      [
        "cifar-head 92181f867ffb8224 465494723fea5483",
        "imagenet-head-16 47f4831c16a6e0d0 dbf610455ce884ed",
        "seed-128 5d8faceedf584023 1abb49eec50723c0",
        "64x10 d45797494f3aa4f8 eb344a0f45479895",
      ]
    `);
  });

  it("follow from the seed", () => {
    const of = (seed: number) => sha256(generateInputs(named("cifar-head"), "float32", seed).logits);
    expect(of(1)).toBe(of(1));
    expect(of(1)).not.toBe(of(2));
  });

  it("have the same logits in float32, rounded", () => {
    const { logits: double } = generateInputs(named("imagenet-head-16"), "float64", 3);
    expect(generateInputs(named("imagenet-head-16"), "float32", 3).logits).toEqual(Float32Array.from(double));
  });

  it.each(["float16", "bfloat16"] as const)("have the same logits in %s, rounded once", (dtype) => {
    const { logits: double } = generateInputs(named("imagenet-head-16"), "float64", 3);
    const expected = Float32Array.from(double, (value) => roundToFormat(value, 0, FORMATS[dtype]));
    expect(generateInputs(named("imagenet-head-16"), dtype, 3).logits).toEqual(expected);
  });

  it("are standard normal: mean 0, variance 1, kurtosis 3, within 5 standard errors", () => {
    const logits = Float64Array.from(generateInputs(named("400x500"), "float64", 0).logits);
    const moment = (power: number) => logits.reduce((sum, value) => sum + value ** power, 0) / logits.length;
    const n = logits.length;
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it("label row i with i in the original experiment", () => {
    const { labels } = generateInputs(named("seed-128"), "float32", 0);
    expect(labels).toEqual(Int32Array.from({ length: 128 }, (_, row) => row));
  });

  it("keep every label in range", () => {
    const small = WORKLOADS.filter(({ rows, classes }) => rows * classes < 1e6);
    expect(small.length).toBeGreaterThan(3);
    for (const workload of small) {
      const { labels } = generateInputs(workload, "float32", 0);
      expect(labels.every((label) => label >= 0 && label < workload.classes)).toBe(true);
    }
  });

  it("are compared with the oracle whole up to seed-3200, beyond that on distinct seeded rows", () => {
    expect(checkedRows(named("seed-3200"), 0)).toHaveLength(3200);
    const large = findWorkload("4000x6400") as Workload;
    const rows = checkedRows(large, 0);
    expect(rows).toHaveLength(1600);
    expect(new Set(rows).size).toBe(1600);
    expect(rows).toEqual(rows.toSorted());
    expect(rows[0]).toBeGreaterThanOrEqual(0);
    expect(rows.at(-1)).toBeLessThan(4000);
    expect(checkedRows(large, 1)).not.toEqual(rows);
  });

  it("are found by shape, and refused when empty or too large", () => {
    expect(findWorkload("64x1000")).toMatchObject({ rows: 64, classes: 1000 });
    expect(findWorkload("64by1000")).toBeUndefined();
    expect(() => findWorkload("0x10")).toThrow(RangeError);
    expect(() => findWorkload("999999x999999")).toThrow(RangeError);
  });
});

describe("portableLog", () => {
  it("is within 4 ulp of Math.log on (0, 1]", () => {
    for (let exponent = -60; exponent <= 0; exponent += 0.37) {
      const value = 2 ** exponent;
      const exact = Math.log(value);
      expect(Math.abs(portableLog(value) - exact)).toBeLessThanOrEqual(
        4 * 2 ** -52 * Math.max(0.1, Math.abs(exact)),
      );
    }
  });
});
