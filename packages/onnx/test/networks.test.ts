import { readFileSync } from "node:fs";
import {
  elementsOf,
  evaluate,
  type Graph,
  inputName,
  isFloat,
  legalize,
  optimize,
  sizeOf,
  type Tensor,
  tensor,
} from "@softmax-bench/graph";
import {
  chooseCheckpoints,
  gradientName,
  type Model,
  ONNXRUNTIME_CPU,
  serialize,
  serializeBatched,
  trainingGraph,
  withMixedPrecision,
  withScaledLoss,
  withUnscaledGradients,
} from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { describe, expect, it } from "vitest";
import { runModel } from "./support.js";

/** As `exported_networks.py` writes it. */
interface Expected {
  readonly loss: number;
  readonly labelShape: readonly number[];
  /** Of each stored tensor: the norm, and the sum of g[i] · sin(i + 1). */
  readonly gradients: Readonly<Record<string, readonly [norm: number, projection: number]>>;
}

const BATCH = 3;
const at = (name: string) => new URL(`fixtures/networks/${name}`, import.meta.url);

/** The numbers that `exported_networks.py` feeds, whatever the type. */
function inputOf(name: string, shape: readonly number[], isWhole: boolean): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, index) => {
    const [, columns = 1] = shape;
    if (name === "attention_mask") return Number(index % columns < columns - 3 * Math.floor(index / columns));
    const value = (index * 7 + 3) % 19;
    return isWhole ? value : (value - 9) / 8;
  });
}

function feedsFor(
  model: Model,
  { inputs, outputs }: Graph,
  { labelShape }: Expected,
): Record<string, Tensor> {
  const classes = outputs.logits?.shape[1] ?? 1;
  return Object.fromEntries(
    inputs.map((value) => {
      const [name, stored] = [inputName(value), model.initializers.get(inputName(value))];
      if (stored) return [name, stored.read()];
      const isLabels = name === "labels";
      if (isLabels) expect(value.shape).toEqual(labelShape);
      const labels = Array.from({ length: sizeOf(value.shape) }, (_, index) =>
        index % 5 === 4 ? -100 : (index * 3) % classes,
      );
      const numbers = isLabels ? labels : inputOf(name, value.shape, !isFloat(value));
      return [name, tensor(value.dtype, value.shape, numbers)];
    }),
  );
}

function check(
  outputs: Readonly<Record<string, Tensor>>,
  { loss, gradients }: Expected,
  tolerance = 2e-5,
): void {
  expect(Math.abs(Number(outputs.loss?.data[0]) - loss)).toBeLessThanOrEqual(tolerance);
  const largest = Math.max(...Object.values(gradients).map(([norm]) => norm));
  for (const [name, [norm, projection]] of Object.entries(gradients)) {
    const gradient = outputs[gradientName(name)];
    if (!gradient) continue;
    const elements = elementsOf(gradient).map(Number);
    const found = elements.reduce((sum, element, index) => sum + element * Math.sin(index + 1), 0);
    // The gradient of a key's bias is 0 but for rounding.
    const scale = Math.max(norm, 1e-3 * largest);
    expect(Math.abs(Math.hypot(...elements) - norm) / scale, name).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(found - projection) / scale, name).toBeLessThanOrEqual(tolerance);
  }
}

/** Initializers that are no parameters by themselves: numbers, masks, tables, and the transpose of the head's weight (`val_344`). */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  bert: ["val_106", "val_110", "val_111"],
  gpt2: ["val_176", "val_180", "val_181", "val_219", "val_220", "val_221", "val_222", "val_344", "val_9"],
  llama: ["unsqueeze_14", "unsqueeze_15", "val_105", "val_108", "val_215", "val_219", "val_221"],
  lstm: ["val_2"],
  vit: ["val_68", "val_72", "val_73"],
};

describe.each(Object.entries(NETWORKS))("%s, exported by PyTorch 2", (name, constants) => {
  const model = loadModel(at(`${name}.onnx`).pathname);
  const expected: Expected = JSON.parse(readFileSync(at(`${name}.json`), "utf8"));
  const graphOf = (batch: number) => optimize(trainingGraph(model.graph({ batch })), { fold: false });
  const graph = graphOf(BATCH);
  const feeds = feedsFor(model, graph, expected);

  it("has its weights as parameters, and the numbers of its formulas as constants", () => {
    const chosen = [...model.choices].filter(([, { isParameter }]) => !isParameter).map(([of]) => of);
    expect(chosen.sort()).toEqual([...constants].sort());
    const trained = Object.keys(expected.gradients).filter((of) => !constants.includes(of));
    expect(
      Object.keys(graph.outputs)
        .filter((of) => of.endsWith(".grad"))
        .sort(),
    ).toEqual(trained.map(gradientName).sort());
  });

  it("has PyTorch's loss and gradients in the reference interpreter", () => {
    check(evaluate(graph, feeds), expected);
  });

  it("and in ONNX Runtime, the batch left open where the model leaves it open", async () => {
    const bytes = serializeBatched((batch) => legalize(graphOf(batch), ONNXRUNTIME_CPU));
    check(await runModel(bytes, feeds), expected);
  });

  // ONNX Runtime fuses normalisations that the backward pass does not look into.
  it("and with checkpoints, with the same bits unless the runtime fuses operators", async () => {
    const read = model.graph({ batch: BATCH });
    const plain = trainingGraph(read);
    const checkpoints = chooseCheckpoints(read, plain);
    expect(checkpoints.length).toBeGreaterThan(0);
    const [kept, all] = [trainingGraph(read, { checkpoints }), plain].map((of) =>
      serialize(legalize(optimize(of), ONNXRUNTIME_CPU)),
    ) as [Uint8Array, Uint8Array];
    check(await runModel(kept, feeds, "all"), expected);
    const [outputs, others] = await Promise.all([kept, all].map((of) => runModel(of, feeds, "disabled")));
    expect(outputs).toEqual(others);
  });

  it("and in mixed precision, to the rounding of float16", async () => {
    const half = withMixedPrecision(model.graph({ batch: BATCH }), "float16");
    const training = withUnscaledGradients(trainingGraph(half, withScaledLoss({})));
    const bytes = serialize(legalize(optimize(training), ONNXRUNTIME_CPU));
    const scale = tensor("float32", [], [1024]);
    // A few roundings to 2⁻¹¹ in each layer.
    check(await runModel(bytes, { ...feeds, loss_scale: scale }), expected, 16 * 2 ** -11);
  });
});
