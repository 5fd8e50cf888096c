import {
  averagePool,
  conv,
  convTranspose,
  evaluate,
  findDefinition,
  type Graph,
  input,
  maxPool,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGradient, numbersFrom } from "./gradients.js";

/** The windows that are possible along one axis of some size. */
const axisUpTo = (max: number) =>
  fc.record({
    size: fc.integer({ min: 1, max }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    more: fc.integer({ min: 0, max: 2 }),
  });
const geometry = fc.record({
  // TensorFlow.js takes a second for a large window over three axes.
  axes: fc.oneof(
    fc.array(axisUpTo(7), { minLength: 1, maxLength: 2 }),
    fc.array(axisUpTo(3), { minLength: 3, maxLength: 3 }),
  ),
  images: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 2 }),
  inputs: fc.integer({ min: 1, max: 2 }),
  outputs: fc.integer({ min: 1, max: 2 }),
  bias: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1000 }),
});
type Geometry = typeof geometry extends fc.Arbitrary<infer T> ? T : never;

const windowOf = ({ axes, group }: Geometry) => ({
  strides: axes.map(({ stride }) => stride),
  pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  dilations: axes.map(({ dilation }) => dilation),
  group,
});
const sizes = ({ axes }: Geometry) => axes.map(({ size }) => size);
const kernel = ({ axes }: Geometry) => axes.map((of) => of.kernel);

/** True if a window fits into the padded operand. */
const fits = ({ axes }: Geometry) =>
  axes.every((of) => of.size + of.before + of.after >= of.dilation * (of.kernel - 1) + 1);
/** True if the pads of a transposed convolution leave something. */
const leaves = ({ axes }: Geometry) =>
  axes.every(
    (of) => (of.size - 1) * of.stride + of.dilation * (of.kernel - 1) + 1 + of.more > of.before + of.after,
  );
const padsLessThanKernel = ({ axes }: Geometry) =>
  axes.every((of) => of.before < of.kernel && of.after < of.kernel);

const CASES = {
  Conv: {
    possible: fits,
    shapes: (g: Geometry) => [
      [g.images, g.group * g.inputs, ...sizes(g)],
      [g.group * g.outputs, g.inputs, ...kernel(g)],
      ...(g.bias ? [[g.group * g.outputs]] : []),
    ],
    make: (g: Geometry, x: Value, w?: Value, b?: Value) => conv(x, w as Value, b, windowOf(g)),
  },
  ConvTranspose: {
    possible: leaves,
    shapes: (g: Geometry) => [
      [g.images, g.group * g.inputs, ...sizes(g)],
      [g.group * g.inputs, g.outputs, ...kernel(g)],
      ...(g.bias ? [[g.group * g.outputs]] : []),
    ],
    make: (g: Geometry, x: Value, w?: Value, b?: Value) =>
      convTranspose(x, w as Value, b, { ...windowOf(g), outputPadding: g.axes.map(({ more }) => more) }),
  },
  MaxPool: {
    possible: (g: Geometry) => fits(g) && padsLessThanKernel(g) && everyWindowReads(g),
    shapes: (g: Geometry) => [[g.images, g.inputs, ...sizes(g)]],
    make: (g: Geometry, x: Value) => maxPool(x, kernel(g), windowOf(g)),
  },
  AveragePool: {
    possible: (g: Geometry) => fits(g) && padsLessThanKernel(g) && everyWindowReads(g),
    shapes: (g: Geometry) => [[g.images, g.inputs, ...sizes(g)]],
    make: (g: Geometry, x: Value) => averagePool(x, kernel(g), { ...windowOf(g), countIncludePad: g.bias }),
  },
};

/** With dilation, a window may lie on padding alone. */
function everyWindowReads({ axes }: Geometry): boolean {
  return axes.every((of) => of.dilation === 1 || of.size >= of.dilation * (of.kernel - 1) + 1);
}

/** Operators without a body, of which there is nothing to compare. */
const ELEMENTARY: readonly string[] = ["MaxPool"];

describe.each(Object.entries(CASES))("%s of any geometry", (name, { possible, shapes, make }) => {
  const possibleGeometry = geometry.filter(possible);

  it("has the gradient that central differences and TensorFlow.js have", async () => {
    const property = fc.asyncProperty(possibleGeometry, async (g) => {
      // TensorFlow.js has no maximum that is dilated, or over three axes.
      const isPlain = g.axes.length <= 2 && g.axes.every(({ dilation }) => dilation === 1);
      const tape = name !== "MaxPool" || isPlain;
      const shaped = {
        shapes: shapes(g),
        make: (...all: Value[]) => make(g, ...(all as [Value, ...Value[]])),
      };
      await expectGradient({ ...shaped, seed: g.seed, tape });
    });
    await fc.assert(property, { numRuns: 60, seed: 5 });
  });

  const { body } = findDefinition(name);
  if (!body) {
    it("is no composition of others", () => expect(ELEMENTARY).toContain(name));
    return;
  }

  it("is what its body computes", () => {
    const property = fc.property(possibleGeometry, (g) => {
      const inputs = shapes(g).map((shape, position) => input(`x${position}`, "float64", shape));
      const [x, ...more] = inputs as [Value, ...Value[]];
      const made = make(g, x, ...more);
      const [inSteps] = body(made.node.inputs, made.node.attributes);
      const graph: Graph = { name: "t", inputs, outputs: { made, inSteps: inSteps as Value } };
      const feeds = inputs.map(({ shape }, position) => [
        `x${position}`,
        tensor("float64", shape, numbersFrom(g.seed + position, sizeOf(shape))),
      ]);
      const outputs = evaluate(graph, Object.fromEntries(feeds));
      expectClose(outputs.inSteps as Tensor, outputs.made as Tensor);
    });
    fc.assert(property, { numRuns: 60, seed: 6 });
  });
});

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  for (const [index, value] of expected.data.entries()) {
    expect(Number(actual.data[index])).toBeCloseTo(Number(value), 12);
  }
}
