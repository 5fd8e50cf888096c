import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { call, temporaryFolder } from "./support/cli.js";

const FIXTURES = fileURLToPath(new URL("../../../packages/onnx/test/fixtures", import.meta.url));
const run = (args: readonly string[], options = {}) => call("export", args, options);

type Feeds = Record<string, Tensor>;
async function compute(file: string, feeds: Feeds): Promise<Feeds> {
  const options = { graphOptimizationLevel: "basic", logSeverityLevel: 4, intraOpNumThreads: 1 } as const;
  const session = await InferenceSession.create(file, options);
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as Tensor])),
  );
  await session.release();
  return outputs as Feeds;
}

describe("pnpm export --optimizer", () => {
  const expected = JSON.parse(readFileSync(join(FIXTURES, "cnn-opset13.json"), "utf8"));
  const model = join(FIXTURES, "cnn-opset13.onnx");
  const stored = loadModel(model).initializers;
  const double = (values: readonly number[], shape: readonly number[]) =>
    new Tensor("float64", Float64Array.from(values), shape);
  const feeds: Feeds = {
    x: double(expected.x.data, expected.x.shape),
    labels: new Tensor("int64", BigInt64Array.from(expected.labels, BigInt), [expected.labels.length]),
    learning_rate: double([0.1], []),
    batches: double([2], []),
    ...Object.fromEntries(
      [...stored.values()].map((of) => [of.name, double([...of.read().data].map(Number), of.shape)]),
    ),
  };
  const gradients = Object.entries<number[]>(expected.gradients);
  const zeros = (suffix: string): Feeds =>
    Object.fromEntries(
      gradients.map(([name, values]) => [
        `${name}${suffix}`,
        double(new Array(values.length).fill(0), stored.get(name)?.shape ?? []),
      ]),
    );

  /** Compares parameters with those that PyTorch's gradients lead to. */
  function check(outputs: Feeds, step: (parameter: number, gradient: number) => number): void {
    for (const [name, values] of gradients) {
      for (const [index, gradient] of values.entries()) {
        const before = Number(feeds[name]?.data[index]);
        expect(Number(outputs[`${name}.next`]?.data[index])).toBeCloseTo(step(before, gradient), 10);
      }
    }
  }

  it("writes a step of SGD with momentum, the batch left open", async () => {
    const file = join(temporaryFolder(), "step.onnx");
    const flags = ["--optimizer", "momentum", "--weight-decay", "0.5"];
    const { code, stderr } = await run(["--model", model, ...flags, "--out", file]);
    expect([code, stderr]).toEqual([0, ""]);
    const outputs = await compute(file, { ...feeds, ...zeros(".momentum") });
    check(outputs, (parameter, gradient) => parameter - 0.1 * (gradient + 0.5 * parameter));
    expect(Object.keys(outputs).filter((name) => name.endsWith(".grad"))).toEqual([]);
    expect(loadModel(file).inputs[0]?.shape).toEqual(["batch", 2, 9, 8]);
  });

  it("computes values between checkpoints again, chosen or named, with the same result", async () => {
    const folder = temporaryFolder();
    const model = join(FIXTURES, "networks", "vit.onnx");
    const loaded = loadModel(model);
    const given: Feeds = Object.fromEntries(
      [...loaded.initializers.values()]
        .filter(({ dtype }) => dtype === "float32")
        .map((of) => [of.name, new Tensor("float32", of.read().data as Float32Array, of.shape)]),
    );
    const [{ name = "", shape = [] } = {}] = loaded.inputs;
    const dims = shape.map((size) => (typeof size === "number" ? size : 2));
    const pixels = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, at) => Math.sin(at));
    given[name] = new Tensor("float32", pixels, dims);
    given.labels = new Tensor("int64", BigInt64Array.of(1n, 0n), [2]);
    given.learning_rate = new Tensor("float32", Float32Array.of(0.1), []);
    const write = async (file: string, flags: readonly string[]) => {
      const out = join(folder, file);
      const args = ["--model", model, "--optimizer", "sgd", "--batch", "2", ...flags, "--out", out];
      const { code, stdout, stderr } = await run(args);
      expect([code, stderr]).toEqual([0, ""]);
      return { stdout, outputs: await compute(out, given) };
    };
    const plain = await write("plain.onnx", []);
    const chosen = await write("chosen.onnx", ["--checkpoint", "auto"]);
    const [, names = ""] = /\n {2}checkpoints: (\S+)\n/.exec(chosen.stdout) ?? [];
    const named = await write("named.onnx", ["--checkpoint", names]);
    expect(named.stdout).not.toContain("checkpoints:");
    expect(readFileSync(join(folder, "named.onnx"))).toEqual(readFileSync(join(folder, "chosen.onnx")));
    const dataOf = ({ outputs }: typeof plain) => Object.entries(outputs).map(([of, { data }]) => [of, data]);
    expect(dataOf(chosen)).toEqual(dataOf(plain));
    const whole = await run(["--model", model, "--checkpoint", names, "--out", join(folder, "open.onnx")]);
    expect([whole.code, whole.stderr]).toEqual([0, ""]);
  });

  it("writes a step in mixed precision, with a loss scale in and out", async () => {
    const folder = temporaryFolder();
    const vit = join(FIXTURES, "networks", "vit.onnx");
    const flags = ["--optimizer", "adamw", "--mixed-precision", "float16", "--growth-interval", "5"];
    const file = join(folder, "step.onnx");
    const { code, stderr } = await run(["--model", vit, ...flags, "--checkpoint", "auto", "--out", file]);
    expect([code, stderr]).toEqual([0, ""]);
    const { inputs, outputs } = loadModel(file);
    const types = new Map(inputs.map(({ name, dtype }) => [name, dtype]));
    expect([types.get("loss_scale"), types.get("good_steps")]).toEqual(["float32", "int64"]);
    expect([...types.values()]).not.toContain("float16");
    expect(outputs).toEqual(expect.arrayContaining(["loss_scale.next", "good_steps.next"]));
    await (await InferenceSession.create(file, { logSeverityLevel: 4 })).release();
  });

  it("names the operator that has no kernel in bfloat16, and writes it for other runtimes", async () => {
    const vit = join(FIXTURES, "networks", "vit.onnx");
    const out = join(temporaryFolder(), "step.onnx");
    const args = ["--model", vit, "--optimizer", "sgd", "--mixed-precision", "bfloat16", "--out", out];
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /: Cast\(.*\): the runtime has no bfloat16 kernel for it; --mixed-precision float16 has kernels, and --target any writes the model for other runtimes\n$/,
    );
    expect(await run([...args, "--target", "any"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("writes a step in two halves with --accumulate", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "step.onnx");
    const flags = ["--optimizer", "sgd", "--accumulate"];
    const { code, stdout } = await run(["--model", model, ...flags, "--out", file]);
    expect(code).toBe(0);
    const apply = join(folder, "step.apply.onnx");
    expect(stdout).toContain(`wrote ${apply}: `);
    const once = await compute(file, { ...feeds, ...zeros(".grad") });
    const sums = Object.fromEntries(gradients.map(([name]) => [`${name}.grad`, once[`${name}.grad.next`]]));
    const outputs = await compute(apply, { ...feeds, ...(sums as Feeds) });
    check(outputs, (parameter, gradient) => parameter - (0.1 * gradient) / 2);
  });

  it("writes the accumulation alone without an optimiser", async () => {
    const folder = temporaryFolder();
    await run(["--model", model, "--accumulate", "--wrt", "head.bias", "--out", join(folder, "sum.onnx")]);
    expect(readdirSync(folder)).toEqual(["sum.onnx"]);
    expect(loadModel(join(folder, "sum.onnx")).outputs).toEqual(["loss", "logits", "head.bias.grad.next"]);
  });

  it.each<[string[], RegExp]>([
    [["--optimizer", "adamax"], /unknown optimizer "adamax": (closest are|there are) .*adam/],
    [["--optimizer", "sgd", "--betas", "0.9,0.99"], /--betas is not for --optimizer sgd/],
    [["--optimizer", "lion", "--eps", "1"], /--eps is not for --optimizer lion/],
    [["--weight-decay", "0.1"], /--weight-decay needs --optimizer, e.g. --optimizer adamw/],
    [["--clip-norm", "1"], /--clip-norm needs --optimizer/],
    [["--optimizer", "adam", "--betas", "0.9"], /--betas takes two numbers, e.g. 0.9,0.999, got "0.9"/],
    [
      ["--optimizer", "adam", "--betas", "0.9,1"],
      /--optimizer adam: betas must be two numbers from 0 to below 1/,
    ],
    [["--optimizer", "adam", "--eps", "tiny"], /--eps takes a number, got "tiny"/],
    [["--optimizer", "sgd", "--nesterov"], /--optimizer sgd: Nesterov momentum needs a momentum above 0/],
    [
      ["--optimizer", "sgd", "--clip-norm", "0"],
      /the largest norm of gradients must be a number above 0, got 0/,
    ],
    [
      ["--checkpoint", "logitz"],
      /--checkpoint: the model has no value "logitz"; closest are "logits", "\w+\S*", "\S+"/,
    ],
    [["--checkpoint", "x"], /"x" is kept anyway: a checkpoint is a value that the model computes/],
    [["--checkpoint", "", "--hvp"], /--checkpoint/],
    [["--mixed-precision", "float8"], /unknown type of --mixed-precision "float8": .*float16, bfloat16/],
    [
      ["--mixed-precision", "float16"],
      /the model has no product or convolution of float32 to compute in float16/,
    ],
    [
      ["--mixed-precision", "float16", "--growth-interval", "5"],
      /--growth-interval needs --mixed-precision float16 and --optimizer/,
    ],
    [
      ["--mixed-precision", "float16", "--optimizer", "sgd", "--growth-interval", "0.5"],
      /--growth-interval takes a number of steps from 1 on, got "0.5"/,
    ],
  ])("refuses %j in one line", async (flags, message) => {
    const cwd = temporaryFolder();
    copyFileSync(model, join(cwd, "cnn.onnx"));
    const args = ["--model", "cnn.onnx", ...flags, "--out", "step.onnx"];
    const { code, stderr } = await run(args, { cwd });
    expect(stderr).toMatch(/^export: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(readdirSync(cwd)).toEqual(["cnn.onnx"]);
  });
});

describe("pnpm export --write-back", () => {
  const model = join(FIXTURES, "batch-norm-inference.onnx");
  const weights = join(FIXTURES, "batch-norm.safetensors");
  const { x, labels, logits } = JSON.parse(readFileSync(join(FIXTURES, "batch-norm.json"), "utf8"));

  it("writes the model with the weights that PyTorch saved after training, and it infers as PyTorch does", async () => {
    const out = join(temporaryFolder(), "trained.onnx");
    const { code, stdout, stderr } = await run(["--model", model, "--write-back", weights, "--out", out]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`wrote ${out}: ${model} with 11 tensors of ${weights}\n`);
    const outputs = await compute(out, {
      x: new Tensor("float64", Float64Array.from(x), [labels.length, 3, 4]),
    });
    for (const [index, value] of logits.entries()) {
      expect(Number(outputs.logits?.data[index])).toBeCloseTo(value, 12);
    }
  });

  it.each<[string, string[], RegExp]>([
    ["no file", ["--write-back", "none.safetensors"], /--write-back none.safetensors: there is no such file/],
    [
      "a file that is no safetensors",
      ["--write-back", "net.onnx"],
      /--write-back net.onnx: .*; expected a .safetensors file/,
    ],
    [
      "weights of another model",
      ["--write-back", "trained.safetensors", "--model", "cnn.onnx"],
      /--model cnn.onnx: the model stores no tensor "first.bias"|"first.bias" is float64\[4\] in the model, the new one is float64\[3\]/,
    ],
    [
      "a flag of training",
      ["--write-back", "trained.safetensors", "--optimizer", "sgd"],
      /--optimizer does not go with --write-back/,
    ],
    [
      "the model itself",
      ["--write-back", "trained.safetensors", "--out", "net.onnx"],
      /--out net.onnx is the model itself/,
    ],
  ])("refuses %s in one line", async (_, args, message) => {
    const cwd = temporaryFolder();
    copyFileSync(model, join(cwd, "net.onnx"));
    copyFileSync(join(FIXTURES, "cnn-opset13.onnx"), join(cwd, "cnn.onnx"));
    copyFileSync(weights, join(cwd, "trained.safetensors"));
    const given = [
      ...(args.includes("--model") ? [] : ["--model", "net.onnx"]),
      ...args,
      ...(args.includes("--out") ? [] : ["--out", "new.onnx"]),
    ];
    const { code, stderr } = await run(given, { cwd });
    expect(stderr).toMatch(/^export: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(readdirSync(cwd).sort()).toEqual(["cnn.onnx", "net.onnx", "trained.safetensors"]);
  });
});

describe("pnpm export --lora", () => {
  const model = join(FIXTURES, "batch-norm-inference.onnx");
  const run = async (flags: readonly string[]) => {
    const file = join(temporaryFolder(), "new.onnx");
    return { file, ...(await call("export", ["--model", model, ...flags, "--out", file])) };
  };

  it("trains adapters of the chosen matrices alone", async () => {
    const { code, stderr, file } = await run(["--lora", "rank=2,targets=h*", "--optimizer", "adam"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { inputs } = loadModel(file);
    expect(inputs.slice(0, 5).map(({ name }) => name)).toEqual([
      "x",
      "head.weight.lora.B",
      "head.weight.lora.A",
      "labels",
      "learning_rate",
    ]);
  });

  it("merges them with --write-back", async () => {
    const folder = temporaryFolder();
    const shapes = { "head.weight.lora.B": [3, 1], "head.weight.lora.A": [1, 3] };
    const header = Buffer.from(
      JSON.stringify(
        Object.fromEntries(
          Object.entries(shapes).map(([name, shape], at) => [
            name,
            { dtype: "F64", shape, data_offsets: [24 * at, 24 * at + 24] },
          ]),
        ),
      ),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const [b, a] = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const adapters = join(folder, "adapters.safetensors");
    writeFileSync(adapters, Buffer.concat([length, header, Buffer.from(Float64Array.of(...b, ...a).buffer)]));
    const flags = ["--write-back", adapters, "--lora", "rank=1,targets=head.weight,scale=0.5"];
    const { code, stderr, file } = await run(flags);
    expect([code, stderr]).toEqual([0, ""]);
    const [before, after] = [model, file].map(
      (of) => loadModel(of).initializers.get("head.weight")?.read().data,
    );
    for (const [index, value] of (after ?? []).entries()) {
      const product = (b[Math.floor(index / 3)] ?? 0) * (a[index % 3] ?? 0);
      expect(Number(value)).toBeCloseTo(Number(before?.[index]) + 0.5 * product, 14);
    }
  });

  it.each<[string, RegExp]>([
    ["rank=8", /--lora takes rank=<n>,targets=<glob> and maybe ,scale=<x>, .* got "rank=8"/],
    [
      "rank=8,targets=conv*",
      /no matrix of a MatMul or Gemm is chosen for adapters; there are "inner.weight"/,
    ],
    ["rank=8,targets=*", /adapters have a rank from 1 to \d, got 8/],
    ["rank=1,targets=*,scale=big", /--lora scale takes a number, got "big"/],
  ])("refuses %s in one line", async (settings, message) => {
    const { code, stderr } = await run(["--lora", settings]);
    expect(stderr).toMatch(/^export: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
