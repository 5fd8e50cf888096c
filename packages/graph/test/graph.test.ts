import {
  add,
  constant,
  evaluate,
  GraphError,
  gatherElements,
  input,
  mul,
  oneHot,
  reduceSum,
  reshape,
  softmax,
  tensor,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

const x = input("x", "float32", [2, 3]);

describe("shape inference", () => {
  it("broadcasts multidirectionally", () => {
    const column = input("c", "float32", [2, 1]);
    const row = input("r", "float32", [1, 1, 3]);
    expect(add(column, row).shape).toEqual([1, 2, 3]);
  });

  it("refuses shapes that do not broadcast, naming the node", () => {
    expect(() => add(x, input("y", "float32", [2]))).toThrow(
      new GraphError("Add(float32[2,3], float32[2]): shapes [2,3] and [2] do not broadcast"),
    );
  });

  it("refuses to mix dtypes", () => {
    expect(() => mul(x, input("y", "float64", [2, 3]))).toThrow(/one dtype, got float32 and float64/);
  });

  it("refuses axes outside the shape", () => {
    expect(() => softmax(x, 2)).toThrow(/axis 2 is outside shape \[2,3\]/);
    expect(() => reduceSum(x, { axes: [-1] })).toThrow(/axis -1/);
  });

  it("refuses a reshape to another size", () => {
    expect(() => reshape(x, [7])).toThrow(/cannot be reshaped/);
  });

  it("refuses floating-point indices", () => {
    expect(() => oneHot(x, 3, "float32")).toThrow(/indices must be integers/);
    expect(() => gatherElements(x, x, 1)).toThrow(/indices must be integers/);
  });
});

describe("evaluate", () => {
  it("rounds float32 results", () => {
    const third = {
      name: "t",
      inputs: [x],
      outputs: { y: mul(x, constant(tensor("float32", [], [1 / 3]))) },
    };
    const fed = tensor("float32", [2, 3], [1, 2, 3, 4, 5, 6]);
    expect(evaluate(third, { x: fed }).y?.data[0]).toBe(Math.fround(1 / 3));
  });

  it("says what it was fed instead of what it declares", () => {
    const identity = { name: "t", inputs: [x], outputs: { x } };
    expect(() => evaluate(identity, {})).toThrow('input "x" (float32[2,3]) was not fed');
    expect(() => evaluate(identity, { x: tensor("float32", [2], [1, 2]) })).toThrow(/was fed float32\[2\]/);
  });

  it("leaves a row of zeros for an index outside OneHot's depth", () => {
    const indices = constant(tensor("int64", [2], [1, 9]));
    const { rows } = evaluate(
      { name: "t", inputs: [], outputs: { rows: oneHot(indices, 3, "float32") } },
      {},
    );
    expect(Array.from(rows?.data ?? new Float32Array(0), Number)).toEqual([0, 1, 0, 0, 0, 0]);
  });
});
