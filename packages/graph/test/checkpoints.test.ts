import {
  add,
  cast,
  chooseCheckpoints,
  constant,
  differentiate,
  elementsOf,
  evaluate,
  gather,
  greater,
  input,
  matMul,
  mul,
  optimize,
  reduceSum,
  reshape,
  scalar,
  softmax,
  split,
  type Tensor,
  tanh,
  tensor,
  topologicalOrder,
  type Value,
  where,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";
import { weighted } from "./support.js";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => Math.sin(index * 78.233 + 1));
const countOf = (op: string, values: readonly Value[]) =>
  topologicalOrder(values).filter((node) => node.op === op).length;

/** A chain of layers tanh(h w), from x. */
function chain(layers: number) {
  const x = input("x", "float64", [3, 4]);
  const weights = Array.from({ length: layers }, (_, at) => input(`w${at}`, "float64", [4, 4]));
  const hidden: Value[] = [];
  for (const w of weights) hidden.push(tanh(matMul(hidden.at(-1) ?? x, w)));
  return { x, weights, hidden, loss: weighted(hidden.at(-1) ?? x) };
}

const feedsFor = (inputs: readonly Value[]): Record<string, Tensor> =>
  Object.fromEntries(
    inputs.map(({ node, dtype, shape }, at) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const data =
        dtype === "int64" ? numbers(size).map((_, index) => (index * 3) % 5) : numbers(size + at).slice(at);
      return [String(node.attributes.name), tensor(dtype, shape, data)] as const;
    }),
  );

/** The elements of each value, after the graph has been optimised. */
function elements(inputs: readonly Value[], values: readonly Value[]) {
  const outputs = Object.fromEntries(values.entries());
  const results = evaluate(optimize({ name: "test", inputs, outputs }), feedsFor(inputs));
  return values.map((_, at) => elementsOf(results[at] as Tensor));
}

describe("gradients with checkpoints", () => {
  it("have the same bits, and each layer between the input and the last checkpoint is computed twice", () => {
    const { x, weights, hidden, loss } = chain(6);
    const [second, fourth] = [hidden[1], hidden[3]] as [Value, Value];
    const plain = differentiate(loss, weights);
    const kept = differentiate(loss, weights, undefined, [x, second, fourth]);
    expect(elements([x, ...weights], kept)).toEqual(elements([x, ...weights], plain));
    const { outputs } = optimize({
      name: "test",
      inputs: [x, ...weights],
      outputs: { loss, ...Object.fromEntries(kept.entries()) },
    });
    // What makes checkpoint 2 and 4 is not needed again.
    expect(countOf("Tanh", Object.values(outputs)) - 6).toBe(2);
  });

  it("keep the first segment if the input is no checkpoint", () => {
    const { weights, hidden, loss } = chain(6);
    const kept = differentiate(loss, weights, undefined, [hidden[1] as Value, hidden[3] as Value]);
    expect(countOf("Tanh", [loss, ...kept]) - 6).toBe(1);
  });

  it("compute a segment again only after the gradients of the later ones", () => {
    const { x, weights, hidden, loss } = chain(6);
    const kept = differentiate(loss, weights, undefined, [x, hidden[2] as Value]);
    const first = new Set(topologicalOrder([loss]));
    const again = topologicalOrder(kept).filter((node) => node.op === "Tanh" && !first.has(node));
    expect(again).toHaveLength(2);
    for (const node of again) {
      const before = topologicalOrder(node.outputs);
      for (const gradient of kept.slice(3)) expect(before).toContain(gradient.node);
    }
  });

  it("keep what later segments read: skipped layers, masks, a split, a tied weight", () => {
    const ids = input("ids", "int64", [2, 3]);
    const table = input("table", "float64", [5, 4]);
    const [v, w] = [input("v", "float64", [4, 4]), input("w", "float64", [4, 4])];
    const embedded = gather(table, ids, 0);
    const mask = greater(reshape(cast(ids, "float64"), [2, 3, 1]), scalar(1, "float64"));
    const masked = (value: Value) => where(mask, value, scalar(0.1, "float64"));
    const hidden = masked(tanh(matMul(embedded, v)));
    const [left, right] = split(hidden, [2, 2], 2) as [Value, Value];
    const scaled = mul(softmax(matMul(hidden, w), 2), reduceSum(mul(left, right)));
    const third = add(tanh(matMul(scaled, v)), embedded);
    const loss = weighted(tanh(masked(third)));
    const inputs = [ids, table, v, w];
    const plain = elements(inputs, differentiate(loss, [table, v, w]));
    for (const checkpoints of [[hidden], [left], [scaled], [scaled, third], [hidden, third]]) {
      const kept = differentiate(loss, [table, v, w], undefined, [ids, ...checkpoints]);
      for (const [at, gradient] of elements(inputs, kept).entries()) {
        // Sums of several gradients may be taken in another order.
        for (const [index, element] of gradient.entries())
          expect(Number(element)).toBeCloseTo(Number(plain[at]?.[index]), 13);
      }
    }
  });

  it("survive a chain of 20,000 nodes", () => {
    const x = input("x", "float64", [1]);
    let y: Value = tanh(x);
    const checkpoints = [x];
    for (let count = 0; count < 20_000; count++) {
      y = tanh(y);
      if (count % 4000 === 0) checkpoints.push(y);
    }
    expect(differentiate(y, [x], undefined, checkpoints)).toHaveLength(1);
  });

  it("can be differentiated again", () => {
    const { x, weights, hidden, loss } = chain(4);
    const curvature = (checkpoints: readonly Value[]) => {
      const gradients = differentiate(loss, weights, undefined, checkpoints);
      return differentiate(weighted(gradients[0] as Value), weights);
    };
    const [plain, kept] = [curvature([]), curvature([x, hidden[1] as Value])].map((of) =>
      elements([x, ...weights], of),
    );
    for (const [at, gradient] of (kept ?? []).entries()) {
      for (const [index, element] of gradient.entries()) {
        expect(Number(element)).toBeCloseTo(Number(plain?.[at]?.[index]), 12);
      }
    }
  });
});

describe("chosen checkpoints", () => {
  const choose = ({ x, weights, hidden, loss }: ReturnType<typeof chain>, candidates = hidden) =>
    chooseCheckpoints({
      result: loss,
      gradients: differentiate(loss, weights),
      wrt: weights,
      inputs: [x],
      candidates,
    });

  it("divide equal layers into about as many segments as a segment has layers", () => {
    const network = chain(36);
    const places = choose(network).map((value) => network.hidden.indexOf(value));
    expect(places).toHaveLength(5);
    const segments = [...places, 36].map((place, at) => place - (places[at - 1] ?? -1) - 1);
    // The least possible: n + ⌈(36 − n) / (n + 1)⌉ for n checkpoints.
    expect(places.length + Math.max(...segments)).toBe(11);
  });

  it("are none for a network of two layers", () => {
    expect(choose(chain(2))).toEqual([]);
  });

  it("are values that nothing bypasses: not those inside a residual block", () => {
    const { x, weights } = chain(24);
    let stream = x;
    const inside: Value[] = [];
    const between: Value[] = [];
    for (let at = 0; at < 24; at += 2) {
      const wide = tanh(matMul(stream, weights[at] as Value));
      inside.push(wide);
      stream = add(stream, tanh(matMul(wide, weights[at + 1] as Value)));
      between.push(stream);
    }
    const loss = weighted(stream);
    const chosen = choose({ x, weights, hidden: between, loss }, [...inside, ...between]);
    expect(chosen.length).toBeGreaterThan(1);
    expect(between).toEqual(expect.arrayContaining(chosen));
  });

  it("are none without candidates", () => {
    expect(choose(chain(36), [constant(tensor("float64", [], [1]))])).toEqual([]);
  });
});
