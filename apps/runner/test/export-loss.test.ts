import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MethodId } from "@softmax-bench/core";
import { evaluate, input, optimize, tensor } from "@softmax-bench/graph";
import { trainingGraph } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { describe, expect, it } from "vitest";
import { floats, modelOf } from "../../../packages/onnx/test/build-model.js";
import { parseLoss } from "../dist/cli/export/loss.js";
import { call, temporaryFolder } from "./support/cli.js";

interface Case {
  readonly options: {
    readonly reduction: string;
    readonly labelSmoothing: number;
    readonly weights: readonly number[] | null;
  };
  readonly labels: readonly number[];
  readonly expected: {
    readonly loss: readonly (number | null)[];
    readonly gradient: readonly (number | null)[];
  };
}

/** As `losses.py` writes it. */
const fixture = new URL("../../../packages/onnx/test/fixtures/losses.json", import.meta.url);
const {
  logits,
  rowUpstream,
  crossEntropies,
}: {
  readonly logits: readonly number[];
  readonly rowUpstream: readonly number[];
  readonly crossEntropies: readonly Case[];
} = JSON.parse(readFileSync(fileURLToPath(fixture), "utf8"));

describe("--loss cross-entropy is PyTorch's", () => {
  it.each(crossEntropies)("$options of labels $labels", ({ options, labels, expected }) => {
    const y = input("y", "float64", [4, 3]);
    const model = { name: "model", inputs: [y], outputs: { y }, parameters: new Map([["y", y]]) };
    const { reduction, labelSmoothing, weights } = options;
    const objective = parseLoss(
      {
        loss: "cross-entropy",
        ignoreIndex: "-100",
        reduction,
        labelSmoothing: String(labelSmoothing),
        ...(weights && { weights: JSON.stringify(weights) }),
      },
      (id) => id as MethodId,
    );
    const outputs = evaluate(optimize(trainingGraph(model, objective)), {
      y: tensor("float64", [4, 3], logits),
      labels: tensor("int64", [4], labels),
      upstream: tensor("float64", [4], rowUpstream),
    });
    for (const [name, values] of [
      ["loss", expected.loss],
      ["y.grad", expected.gradient],
    ] as const) {
      const found = Array.from(outputs[name]?.data ?? [], Number);
      expect(found).toHaveLength(values.length);
      for (const [index, value] of values.entries()) {
        if (value === null) expect(found[index], `${name}[${index}]`).toBeNaN();
        else expect(found[index], `${name}[${index}]`).toBeCloseTo(value, 12);
      }
    }
  });
});

describe("pnpm export --loss", () => {
  /** Logits `y` `[n, 2]`, their sigmoid, and a loss of one number. */
  const written = (): string => {
    const file = join(temporaryFolder(), "net.onnx");
    const nodes = [
      { opType: "MatMul", input: ["x", "w"], output: ["y"] },
      { opType: "Sigmoid", input: ["y"], output: ["p"] },
      { opType: "ReduceMean", input: ["y"], output: ["own"] },
    ];
    const tensors = [floats("w", [3, 2], [1, 2, 3, 4, 5, 6])];
    writeFileSync(file, modelOf({ shape: ["n", 3], tensors, nodes, outputs: ["y", "p", "own"] }));
    return file;
  };
  const run = async (flags: readonly string[]) => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const result = await call("export", ["--model", written(), ...flags, "--out", file]);
    return { ...result, file };
  };

  it.each<[string[], string[], string[]]>([
    [
      ["--loss", "mse", "--logits", "p"],
      ["x", "w", "targets"],
      ["loss", "y", "p", "own", "w.grad"],
    ],
    [
      ["--loss", "bce-with-logits", "--logits", "y", "--reduction", "none"],
      ["x", "w", "targets", "upstream"],
      ["loss", "y", "p", "own", "w.grad"],
    ],
    [
      ["--loss", "output:own"],
      ["x", "w"],
      ["loss", "y", "p", "own", "w.grad"],
    ],
    [
      ["--loss", "cross-entropy", "--logits", "y", "--weights", "[1, 2]", "--reduction", "none"],
      ["x", "w", "labels", "upstream"],
      ["loss", "y", "p", "own", "w.grad"],
    ],
  ])("%j, the batch left open", async (flags, inputs, outputs) => {
    const { code, stderr, file } = await run(flags);
    expect([code, stderr]).toEqual([0, ""]);
    const model = loadModel(file);
    expect(model.inputs.map(({ name }) => name)).toEqual(inputs);
    expect(model.inputs.filter(({ name }) => name !== "w").map(({ shape }) => shape[0])).toEqual(
      inputs.filter((name) => name !== "w").map(() => "batch"),
    );
    expect(model.outputs).toEqual(outputs);
  });

  it.each<[string[], string[]]>([
    [["--wrt", "inputs"], ["x.grad"]],
    [
      ["--wrt", "all,inputs"],
      ["w.grad", "x.grad"],
    ],
    [
      ["--hvp", "--jvp", "--wrt", "w"],
      ["w.grad", "w.hvp", "loss.jvp", "y.jvp", "p.jvp", "own.jvp"],
    ],
  ])("with derivatives %j", async (flags, outputs) => {
    const { code, stderr, file } = await run(["--loss", "mse", "--logits", "y", ...flags]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(loadModel(file).outputs).toEqual(["loss", "y", "p", "own", ...outputs]);
  });

  it.each<[string[], RegExp]>([
    [["--loss", "mse", "--label-smoothing", "0.1"], /--label-smoothing is not for --loss mse/],
    [["--loss", "l1", "--weights", "[1, 2]"], /--weights is not for --loss l1/],
    [["--loss", "mse", "--delta", "2"], /--delta is not for --loss mse/],
    [["--loss", "huber", "--delta", "0"], /--delta takes a number above 0, got 0/],
    [["--loss", "mse", "--reduction", "batchmean"], /unknown reduction "batchmean"/],
    [["--loss", "output:p"], /a loss is one number, the output is float32\[1,2\]/],
    [["--loss", "output:q"], /there is no value "q" in the model/],
    [["--loss", "output:own", "--reduction", "sum"], /--reduction is not for --loss output:own/],
    [["--loss", "bce-with-logits", "--logits", "p"], /"p" comes out of Sigmoid, and the loss takes logits/],
    [
      ["--logits", "y", "--weights", "[1]"],
      /--weights: expected a weight per class, shape \[2\], got shape \[1\]/,
    ],
    [["--logits", "y", "--weights", "[1, -1]"], /--weights: expected numbers of 0 or more, got -1/],
    [
      ["--logits", "y", "--label-smoothing", "2"],
      /--label-smoothing takes a number between 0 and 1, got "2"/,
    ],
  ])("refuses %j in one line", async (flags, message) => {
    const { code, stderr, file } = await run(flags);
    expect(stderr).toMatch(/^export: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(readdirSync(join(file, ".."))).toEqual([]);
  });
});
