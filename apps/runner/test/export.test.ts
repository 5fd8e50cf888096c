import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { assessGradient, oracle } from "@softmax-bench/numerics";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { floats, modelOf } from "../../../packages/onnx/test/build-model.js";
import { complaints, hasChecker } from "../../../packages/onnx/test/onnx-checker.js";
import { call, run as runAlone, temporaryFolder } from "./support/cli.js";

const FIXTURES = fileURLToPath(new URL("../../../packages/onnx/test/fixtures", import.meta.url));
const run = (args: readonly string[], options = {}) => call("export", args, options);

type Feeds = Record<string, Tensor>;
async function compute(file: string, feeds: Feeds): Promise<Feeds> {
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: "basic",
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as Tensor])),
  );
  await session.release();
  return outputs as Feeds;
}

const [rows, classes] = [6, 5];
const logits = Float64Array.from({ length: rows * classes }, (_, index) => 3 * Math.sin(5 * index));
const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
const feedsOf = (dtype: string, count: number): Feeds => {
  const values = logits.subarray(0, count * classes);
  return {
    logits: new Tensor(dtype as "float32", dtype === "float32" ? Float32Array.from(values) : values, [
      count,
      classes,
    ]),
    labels: new Tensor("int64", BigInt64Array.from(labels.subarray(0, count), BigInt), [count]),
  };
};

describe("pnpm export --method", () => {
  it.each(GRAPH_METHODS.map(({ id }) => id))(
    "%s writes a model with the oracle's loss and gradient",
    async (method) => {
      const out = temporaryFolder();
      for (const [dtype, batch, tolerance] of [
        ["float32", String(rows), 1e-5],
        ["float64", "dynamic", 1e-14],
      ] as const) {
        const file = join(out, `${dtype}.onnx`);
        const args = [
          "--method",
          method,
          "--workload",
          `64x${classes}`,
          "--dtype",
          dtype,
          "--batch",
          batch,
          "--out",
          file,
        ];
        const { code, stdout, stderr } = await run(args);
        expect([code, stderr]).toEqual([0, ""]);
        expect(stdout).toBe(
          `wrote ${file}: ${Math.ceil(readFileSync(file).length / 1000)} kB, operator set 17\n  inputs: logits, labels\n  outputs: loss, gradient\n`,
        );
        for (const count of batch === "dynamic" ? [1, 4, rows] : [rows]) {
          const feeds = feedsOf(dtype, count);
          const outputs = await compute(file, feeds);
          const given = { logits: feeds.logits?.data as Float64Array, labels: labels.subarray(0, count) };
          const exact = oracle({ rows: count, classes, ...given });
          const { relL2 } = assessGradient(outputs.gradient?.data as Float64Array, exact);
          expect(relL2).toBeLessThanOrEqual(tolerance);
          const loss = exact.loss.hi[0] as number;
          expect(Math.abs(Number(outputs.loss?.data[0]) - loss)).toBeLessThanOrEqual(tolerance * loss);
        }
      }
    },
  );

  it.each([
    ["forward", ["loss"]],
    ["backward", ["gradient"]],
    ["both", ["loss", "gradient"]],
  ])("--graph %s", async (part, outputs) => {
    const file = join(temporaryFolder(), "m.onnx");
    const shape = ["--method", "autograd/shifted", "--workload", "4x3"];
    const { code } = await run([...shape, "--graph", part, "--out", file]);
    expect(code).toBe(0);
    expect(loadModel(file).outputs).toEqual(outputs);
  });

  it("leaves operators as they are for --target any, and takes int32 labels for onnxruntime-webgpu", async () => {
    const out = temporaryFolder();
    const args = ["--method", "autograd/library", "--workload", "4x3"];
    for (const target of ["any", "onnxruntime-webgpu"]) {
      expect((await run([...args, "--target", target, "--out", join(out, target)])).code).toBe(0);
    }
    expect(readFileSync(join(out, "any"), "latin1")).toMatch(/SoftmaxCrossEntropyLoss[\s\S]*OneHot/);
    expect(readFileSync(join(out, "onnxruntime-webgpu"), "latin1")).not.toMatch(
      /"SoftmaxCrossEntropyLoss|OneHot/,
    );
    expect(loadModel(join(out, "onnxruntime-webgpu")).inputs.map(({ dtype }) => dtype)).toEqual([
      "float32",
      "int32",
    ]);
  });
});

describe("pnpm export --model", () => {
  /** A model that PyTorch exported, and its loss and gradients by PyTorch. */
  function fromPyTorch(name: string) {
    const expected = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), "utf8"));
    const model = join(FIXTURES, `${name}.onnx`);
    const stored = [...loadModel(model).initializers.values()].filter(({ dtype }) => dtype === "float64");
    const feeds: Feeds = {
      x: new Tensor("float64", Float64Array.from(expected.x.data), expected.x.shape),
      labels: new Tensor("int64", BigInt64Array.from(expected.labels, BigInt), [expected.labels.length]),
      ...Object.fromEntries(
        stored.map((of) => [of.name, new Tensor("float64", of.read().data as Float64Array, of.shape)]),
      ),
    };
    const check = (outputs: Feeds) => {
      expect(Number(outputs.loss?.data[0])).toBeCloseTo(expected.loss, 11);
      for (const [of, gradient] of Object.entries<number[]>(expected.gradients)) {
        for (const [index, value] of gradient.entries()) {
          expect(Number(outputs[`${of}.grad`]?.data[index])).toBeCloseTo(value, 10);
        }
      }
    };
    return { expected, model, feeds, check };
  }
  const { expected, model, feeds, check } = fromPyTorch("cnn-opset13");

  it.each([
    ["a network of images", "cnn-opset13"],
    ["a network of volumes", "volumes-opset17"],
    ["a mixture, of whose two stored weights one is the parameter", "mixture-opset18"],
  ])(
    "writes a training graph of %s with PyTorch's loss and gradients, the batch left open",
    async (_, name) => {
      const own = fromPyTorch(name);
      const file = join(temporaryFolder(), "net.grad.onnx");
      const args = ["--model", own.model, "--loss", "softmax-cross-entropy", "--wrt", "all", "--out", file];
      const { code, stderr } = await run(args);
      expect([code, stderr]).toEqual([0, ""]);
      own.check(await compute(file, own.feeds));
      expect(loadModel(file).inputs[0]?.shape).toEqual(["batch", ...own.expected.x.shape.slice(1)]);
    },
  );

  it("says of which parameter the other weight of a mixture is 1 minus", async () => {
    const { stdout } = await run(["--model", join(FIXTURES, "mixture-opset18.onnx"), "--list-parameters"]);
    expect(stdout).toContain("tied to mix.weight: 1 minus it, the other weight of a mixture\n");
  });

  it.runIf(hasChecker)("writes a training graph that the ONNX checker accepts", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    await run(["--model", model, "--loss", "softmax-cross-entropy", "--wrt", "all", "--out", file]);
    expect(complaints(dirname(file))).toBe("");
  });

  it("puts a gradient by hand on top of the network, and fixes the batch", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const { code } = await run([
      "--model",
      model,
      "--loss",
      "manual/exact-target",
      "--batch",
      "3",
      "--out",
      file,
    ]);
    expect(code).toBe(0);
    check(await compute(file, feeds));
    expect(loadModel(file).inputs[0]?.shape).toEqual([3, 2, 9, 8]);
  });

  it("differentiates with respect to what is asked for", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const { stdout } = await run(["--model", model, "--wrt", "head.bias,x", "--out", file]);
    expect(stdout).toContain("outputs: loss, logits, head.bias.grad, x.grad\n");
    const outputs = await compute(file, feeds);
    for (const [index, value] of expected.gradients["head.bias"].entries()) {
      expect(Number(outputs["head.bias.grad"]?.data[index])).toBeCloseTo(value, 12);
    }
  });
});

describe("pnpm export with parameters and logits that are chosen", () => {
  /** A product, scaled by a number, and its softmax. */
  const written = (): string => {
    const file = join(temporaryFolder(), "net.onnx");
    const tensors = [floats("w", [3, 2], [1, 2, 3, 4, 5, 6]), floats("scale", [], [0.5])];
    const nodes = [
      { opType: "MatMul", input: ["x", "w"], output: ["product"] },
      { opType: "Mul", input: ["product", "scale"], output: ["scaled"] },
      { opType: "Softmax", input: ["scaled"], output: ["p"] },
    ];
    writeFileSync(file, modelOf({ tensors, nodes, outputs: ["p"] }));
    return file;
  };

  it("lists what the model stores, and writes nothing", async () => {
    const { code, stdout, stderr } = await run(["--model", written(), "--list-parameters"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      "parameter  w  float32[3,2]: a weight of MatMul\nconstant   scale  float32[]: one number in Mul\n",
    );
  });

  it("takes logits inside the model, and says that a stored number is a constant", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const { code, stdout } = await run(["--model", written(), "--logits", "scaled", "--out", file]);
    expect(code).toBe(0);
    expect(stdout).toContain("  inputs: x, w, labels\n  outputs: loss, p, w.grad\n");
    expect(stdout).toContain(
      "  1 other floating-point tensor of the model is a constant: --list-parameters says which, and why\n",
    );
  });

  it("differentiates with respect to a constant that is asked for", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    await run(["--model", written(), "--logits", "scaled", "--wrt", "scale", "--out", file]);
    expect(loadModel(file).outputs).toEqual(["loss", "p", "scale.grad"]);
  });

  it("takes probabilities for logits with --force", async () => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const refused = await run(["--model", written(), "--out", file]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^export: --model .*: "p" comes out of Softmax, and the loss takes logits: choose "scaled" instead \(--logits\), or insist \(--force\)\n$/,
    );
    expect((await run(["--model", written(), "--force", "--out", file])).code).toBe(0);
  });
});

describe("pnpm export of a model with several open sizes", () => {
  /** Logits `[batch, length, 2]`; the length has a name that would do something to a terminal. */
  const written = (): string => {
    const file = join(temporaryFolder(), "net.onnx");
    const nodes = [{ opType: "MatMul", input: ["x", "w"], output: ["y"] }];
    const tensors = [floats("w", [3, 2], [1, 2, 3, 4, 5, 6])];
    writeFileSync(file, modelOf({ shape: ["n", "a\u001b[2Jb", 3], tensors, nodes }));
    return file;
  };

  it.each<[string[], (string | number)[]]>([
    [[], ["batch", "size_1", 3]],
    [
      ["--batch", "4"],
      [4, "size_1", 3],
    ],
    [
      ["--size", "a\u001b[2Jb=5"],
      ["batch", 5, 3],
    ],
    [
      ["--batch", "4", "--size", "a\u001b[2Jb=5"],
      [4, 5, 3],
    ],
  ])("%j", async (flags, shape) => {
    const file = join(temporaryFolder(), "net.grad.onnx");
    const { code } = await run(["--model", written(), ...flags, "--out", file]);
    expect(code).toBe(0);
    const { inputs } = loadModel(file);
    expect(inputs[0]?.shape).toEqual(shape);
    expect(inputs.at(-1)).toEqual({ name: "labels", dtype: "int64", shape: shape.slice(0, 2) });
  });
});

describe("pnpm export --ignore-index", () => {
  const how = ["--method", "manual/fused", "--workload", `3x${classes}`, "--dtype", "float64"];
  const given = logits.subarray(0, 3 * classes);
  it.each([
    [[], [1, -100, 2], -100, [1, -1, 2]],
    [["--ignore-index", "-1"], [1, -1, 2], -1, [1, -100, 2]],
    [["--ignore-index", "none"], [1, 0, 2], undefined, [1, -100, 2]],
  ])("%j", async (flags, right, ignoreIndex, wrong) => {
    const file = join(temporaryFolder(), "m.onnx");
    expect((await run([...how, ...flags, "--out", file])).code).toBe(0);
    const runWith = (values: readonly number[]) =>
      compute(file, {
        logits: new Tensor("float64", given, [3, classes]),
        labels: new Tensor("int64", BigInt64Array.from(values, BigInt), [3]),
      });
    const problem = { rows: 3, classes, logits: given, labels: Int32Array.from(right), ignoreIndex };
    const expected = oracle(problem).loss.hi[0] as number;
    expect(Number((await runWith(right)).loss?.data[0])).toBeCloseTo(expected, 14);
    await expect(runWith(wrong)).rejects.toThrow("out of data bounds");
  });
});

describe("what pnpm export refuses, in one line, with exit code 2, writing nothing", () => {
  const [method, model] = [
    ["--method", "manual/shifted", "--workload", "4x3"],
    ["--model", "cnn.onnx"],
  ];
  it.each<[string, string[], RegExp]>([
    ["no way to export", [], /give either --method and --workload, or --model/],
    ["two ways", [...method, ...model], /give either/],
    ["no workload", ["--method", "manual/shifted"], /--method needs --workload/],
    [
      "an unknown method",
      ["--method", "manual/shiftd", "--workload", "4x3"],
      /unknown method "manual\/shiftd": closest are manual\/shifted/,
    ],
    ["several methods", ["--method", "manual/*", "--workload", "4x3"], /give one method, got manual\/\*/],
    ["an unknown workload", ["--method", "manual/shifted", "--workload", "seed"], /unknown workload "seed"/],
    ["an unknown dtype", [...method, "--dtype", "float8"], /unknown dtype "float8"/],
    ["an unknown part", [...method, "--graph", "half"], /unknown graph "half"/],
    [
      "an unknown target",
      [...method, "--target", "tpu"],
      /unknown target "tpu": there are onnxruntime-cpu, onnxruntime-webgpu, any$/m,
    ],
    [
      "a label to ignore that is no number",
      [...method, "--ignore-index", "padding"],
      /--ignore-index takes a whole number or none, got "padding"/,
    ],
    ["a batch of none", [...method, "--batch", "0"], /--batch takes a number from 1 on, or dynamic, got "0"/],
    ["a flag of the other way", [...method, "--wrt", "all"], /--wrt does not go with --method/],
    ["a flag of the other way", [...model, "--dtype", "float64"], /--dtype does not go with --model/],
    [
      "a model that is not there",
      ["--model", "none.onnx"],
      /--model none.onnx: model "none.onnx" does not exist/,
    ],
    [
      "a file that is no model",
      ["--model", "text.onnx"],
      /--model text.onnx: the file is not an ONNX model: /,
    ],
    ["a folder as a model", ["--model", "."], /is not a regular file/],
    [
      "a model of a size that it merely claims",
      [...model, "--max-elements", "1000"],
      /--model cnn.onnx: .*a tensor of \d+ elements would have to be made; at most 1000 may be made in all; --max-elements raises the limit/,
    ],
    [
      "a limit of nothing",
      [...method, "--max-elements", "0"],
      /--max-elements takes a number from 1 on, got "0"/,
    ],
    [
      "a size that is not open, of a model with a name for terminals",
      ["--model", "escape.onnx", "--size", "width=3"],
      /the model leaves no size "width" open; it leaves batch, "a\\u001b\[2Jb"$/m,
    ],
    [
      "an unknown parameter",
      [...model, "--wrt", "nothing"],
      /there is no parameter "nothing"; there are "x", "first.weight"/,
    ],
    [
      "an unknown output",
      [...model, "--logits", "y"],
      /there is no value "y" in the model; its outputs are "logits"/,
    ],
    ["an unknown loss", [...model, "--loss", "hinge"], /unknown method "hinge"/],
    [
      "a size that is not open",
      [...model, "--size", "width=3"],
      /the model leaves no size "width" open; it leaves batch/,
    ],
    ["a size without a number", [...model, "--size", "batch"], /--size takes <name>=<n>, got "batch"/],
    ["the model itself as --out", [...model, "--out", "cnn.onnx"], /--out cnn.onnx is the model itself/],
    ["no file to write", [...method, "--list-parameters"], /--list-parameters does not go with --method/],
    [
      "an invalid axis of classes",
      [...model, "--class-axis", "last"],
      /--class-axis takes an axis of the logits, e.g. 1, got "last"/,
    ],
    [
      "an axis of classes outside the logits",
      [...model, "--class-axis", "2"],
      /class axis 2 is outside logits/,
    ],
    ["a folder as --out", [...method, "--out", "."], /--out \.: is a folder/],
    [
      "a file in no folder as --out",
      [...method, "--out", "no/m.onnx"],
      /--out no\/m.onnx: there is no folder/,
    ],
  ])("%s", async (_, args, message) => {
    const cwd = temporaryFolder();
    copyFileSync(join(FIXTURES, "cnn-opset13.onnx"), join(cwd, "cnn.onnx"));
    writeFileSync(join(cwd, "text.onnx"), "a text, and no model");
    writeFileSync(join(cwd, "escape.onnx"), modelOf({ shape: ["batch", "a\u001b[2Jb"] }));
    const before = readdirSync(cwd);
    const given = args.includes("--out") ? args : [...args, "--out", "m.onnx"];
    const { code, stdout, stderr } = await run(given, { cwd });
    expect(stderr).toMatch(/^export: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
    expect(readdirSync(cwd)).toEqual(before);
    expect(readFileSync(join(cwd, "cnn.onnx"))).toEqual(readFileSync(join(FIXTURES, "cnn-opset13.onnx")));
  });

  it("a full disk", async () => {
    const file = join(temporaryFolder(), "m.onnx");
    const args = ["--method", "manual/shifted", "--workload", "4x3000", "--out", file];
    const { code, stderr } = await runAlone("export", args, { fileSizeLimit: 8 });
    expect(stderr).toMatch(/^export: cannot write --out .*EFBIG/);
    expect(code).toBe(2);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(join(file, ".."))).toEqual([]);
  });
});
