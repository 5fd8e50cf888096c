import { GRAPH_METHODS, METHODS, type MethodId, programFor } from "@softmax-bench/core";
import {
  differentiate,
  evaluate,
  type Tensor,
  tensor,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { oracle } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

const [rows, classes] = [3, 5];
const logits = tensor("float64", [rows, classes], [1, -2, 3, 0.5, 2, -1, -1, 4, 0, 0.25, 2, 2, 2, 2, 2]);
const labels = tensor("int64", [rows], [2, 0, 4]);

interface Feeds extends Record<string, Tensor> {
  readonly logits: Tensor;
  readonly labels: Tensor;
}

function lossAndGradient(method: MethodId, feeds: Feeds = { logits, labels }) {
  const [n = 0, c = 0] = feeds.logits.shape;
  const program = programFor({ method, dtype: "float64", rows: n, classes: c });
  if (program.kind === "manual") return evaluate(program.gradient, feeds);
  const { loss } = program.forward.outputs as { loss: Value };
  const [gradient] = differentiate(loss, [program.forward.inputs[0] as Value]) as [Value];
  return evaluate({ ...program.forward, outputs: { loss, gradient } }, feeds);
}

describe("methods", () => {
  it("are the ones that the documentation lists", () => {
    expect(METHODS.map(({ id }) => id)).toEqual([
      "autograd/naive",
      "autograd/shifted",
      "autograd/shifted-detached",
      "autograd/log-softmax",
      "autograd/library",
      "manual/naive",
      "manual/shifted",
      "manual/log-softmax",
      "manual/exact-target",
      "manual/fused",
      "manual/two-pass",
    ]);
  });

  it("have graphs, but for the one that needs a kernel", () => {
    const others = METHODS.filter((method) => !GRAPH_METHODS.includes(method)).map(({ id }) => id);
    expect(others).toEqual(["manual/two-pass"]);
    const task = { method: "manual/two-pass", dtype: "float64", rows, classes } as const;
    expect(() => programFor(task)).toThrow(/^manual\/two-pass has no graph: it takes a kernel of its own/);
  });

  const exact = oracle({
    rows,
    classes,
    logits: logits.data as Float64Array,
    labels: Int32Array.from(labels.data, Number),
  });
  for (const { id } of GRAPH_METHODS) {
    it(`${id} agrees with the oracle in exact-enough arithmetic`, () => {
      const { loss, gradient } = lossAndGradient(id);
      expect(Number(loss?.data[0])).toBeCloseTo(exact.loss.hi[0] as number, 14);
      for (const [index, value] of exact.gradient.hi.entries()) {
        expect(Number(gradient?.data[index])).toBeCloseTo(value, 15);
      }
    });
  }

  describe("a shortcut", () => {
    const shortcutOf = (feeds: Feeds, { id }: (typeof METHODS)[number]) => {
      const [n = 0, c = 0] = feeds.logits.shape;
      const program = programFor({ method: id, dtype: "float64", rows: n, classes: c });
      return program.kind === "manual" && program.shortcut ? evaluate(program.shortcut, feeds) : undefined;
    };
    const shortcuts = GRAPH_METHODS.filter((method) => shortcutOf({ logits, labels }, method));

    it("is what manual/fused has", () => {
      expect(shortcuts.map(({ id }) => id)).toEqual(["manual/fused"]);
    });

    it.each(shortcuts)("of $id gives the same where the labels are likely enough", (method) => {
      const [short, full] = [shortcutOf({ logits, labels }, method), lossAndGradient(method.id)];
      expect(full.gradient?.data).toHaveLength(exact.gradient.hi.length);
      expect(short?.gradient?.data).toEqual(full.gradient?.data);
      expect(Number(short?.loss?.data[0])).toBeCloseTo(exact.loss.hi[0] as number, 14);
    });

    it.each(shortcuts)("of $id is not finite where one label of many is all but impossible", (method) => {
      const unlikely = tensor("float64", [2, 3], [1, 2, 0, 0, -700, 0]);
      const feeds = { logits: unlikely, labels: tensor("int64", [2], [1, 1]) };
      expect(Number(shortcutOf(feeds, method)?.loss?.data[0])).toBe(Number.POSITIVE_INFINITY);
      expect(Number(lossAndGradient(method.id, feeds).loss?.data[0])).toBeCloseTo(350.55, 1);
    });
  });

  describe("the shortcut of manual/fused for a slow Softmax", () => {
    const shortcut = (rows: number, classes: number) => {
      const program = programFor(
        { method: "manual/fused", dtype: "float64", rows, classes },
        { slowSoftmax: true },
      );
      if (program.kind === "autograd" || !program.shortcut) throw new Error("no shortcut");
      return program.shortcut;
    };
    const has = (op: string, rows: number, classes: number) =>
      topologicalOrder(Object.values(shortcut(rows, classes).outputs)).some((node) => node.op === op);

    it("is for many entries", () => {
      expect([has("Softmax", 128, 10), has("Softmax", 256, 1000)]).toEqual([true, false]);
    });

    it.each([
      [-60, false],
      [-30, true],
      [0, true],
      [600, true],
      [640, false],
      [720, false],
      [Number.NaN, false],
    ])("has a finite loss where sums are near enough to 1: logits of about %d", (about, expected) => {
      const [n, c] = [16, 1024];
      const logits = tensor(
        "float64",
        [n, c],
        new Float64Array(n * c).map((_, index) => about - (index % c) / c),
      );
      const feeds = { logits, labels: tensor("int64", [n], new Array(n).fill(1)) };
      const { loss, gradient } = evaluate(shortcut(n, c), feeds);
      expect(Number.isFinite(Number(loss?.data[0]))).toBe(expected);
      const exact = lossAndGradient("manual/fused", feeds).gradient?.data ?? [];
      if (expected) expect(Number(gradient?.data[5])).toBeCloseTo(Number(exact[5]), 18);
    });
  });

  it("exact-target keeps what cancels in p − 1: logits [37.43, 0], label 0", () => {
    const feeds = { logits: tensor("float64", [1, 2], [37.43, 0]), labels: tensor("int64", [1], [0]) };
    const target = (method: MethodId) => Number(lossAndGradient(method, feeds).gradient?.data[0]);
    expect(target("manual/shifted")).toBe(0);
    expect(target("manual/exact-target")).toBeCloseTo(-Math.exp(-37.43), 30);
  });

  it("the loss does not overflow for large logits, except in the naive formulation", () => {
    const feeds = { logits: tensor("float64", [1, 2], [1e4, 1e4 - 1]), labels: tensor("int64", [1], [1]) };
    for (const { id, formulation } of GRAPH_METHODS) {
      const loss = Number(lossAndGradient(id, feeds).loss?.data[0]);
      if (formulation.id === "naive") expect(loss).toBeNaN();
      else expect(loss).toBeCloseTo(Math.log1p(Math.E), 10);
    }
  });
});
