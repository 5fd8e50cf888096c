import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../dist/plan/config.js";
import { call, onlyRun, start, temporaryFolder } from "./support/cli.js";

const HERE = fileURLToPath(new URL("..", import.meta.url));

/** A folder in which TensorFlow.js is found, with a config. */
function folderWith(config: string): string {
  const folder = temporaryFolder(HERE);
  writeFileSync(join(folder, "bench.config.ts"), config);
  return folder;
}

const SMALL = ["--profile", "smoke", "--workload", "4x3", "--no-provision"];

describe("examples/own-loss", () => {
  function exampleFolder(): string {
    const folder = temporaryFolder(HERE);
    cpSync(fileURLToPath(new URL("../../../examples/own-loss", import.meta.url)), folder, {
      recursive: true,
    });
    return folder;
  }

  it("is measured: each method where its README says, with an error that fits its arithmetic, and a time", async () => {
    const cwd = exampleFolder();
    const { code, stderr } = await call("bench", [...SMALL, "--out", join(cwd, "runs")], { cwd });
    expect(code, stderr).toBe(0);
    const { cells } = onlyRun(join(cwd, "runs")).results();
    const measured = cells.filter(({ status }) => status === "ok");
    expect(measured.map(({ backend, method, dtype }) => `${backend} ${method} ${dtype}`).sort()).toEqual([
      "javascript manual/shifted float32",
      "javascript manual/shifted float64",
      "javascript mine/loops float32",
      "javascript mine/loops float64",
      "tfjs-wasm manual/shifted float32",
      "tfjs-wasm mine/log-sum-exp float32",
    ]);
    for (const { backend, method, dtype, accuracy, timing } of measured) {
      // Plain JavaScript computes in doubles. A tensor of 4x3 has a dozen roundings on the way.
      const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;
      expect(accuracy?.gradient.relL2).toBeLessThan(
        (backend === "javascript" && dtype === "float32" ? 1 : 16) * unit,
      );
      expect(accuracy?.gradient.boundRatio === undefined).toBe(method.startsWith("mine/"));
      expect(timing?.gradient?.medianNs).toBeGreaterThan(0);
    }
  });

  const mine = ["--method", "mine/*"];
  const places = ["--backend", "tfjs-wasm,javascript"];

  it("is listed and checked, where --method selects it", async () => {
    const cwd = exampleFolder();
    const { stdout } = await call("bench", ["--list", ...SMALL, ...mine], { cwd });
    expect(stdout.trim().split("\n")).toEqual([
      "tfjs-wasm mine/log-sum-exp float32 4x3",
      "javascript mine/loops float32 4x3",
      "javascript mine/loops float64 4x3",
    ]);
    const cell = "javascript mine/loops float64 4x3";
    expect((await call("bench", ["--list", "--cell", cell], { cwd })).stdout).toBe(`${cell}\n`);

    const checked = await call("gradcheck", [...places, ...mine], { cwd });
    expect(checked.code, checked.stdout).toBe(0);
    expect(checked.stdout).toContain("Within their tolerances: 3 of 3 gradients.");
    const onOwn = "it is held to the bound of autograd/shifted";
    expect(checked.stdout).toContain(onOwn);
    const ours = await call("gradcheck", ["--backend", "javascript", "--method", "manual/shifted"], { cwd });
    expect(ours.stdout).toContain("Within their tolerances: 2 of 2 gradients.");
    expect(ours.stdout).not.toContain(onOwn);
  });

  it("is swept, where --method selects it", { tags: "nightly" }, async () => {
    const cwd = exampleFolder();
    const swept = await call("precision", [...places, ...mine, "--sweep", "offset", "--json"], { cwd });
    expect(swept.code).toBe(0);
    const { curves } = JSON.parse(swept.stdout).precision;
    expect(curves.filter(({ status }: { status: string }) => status === "ok")).toMatchObject([
      { backend: "tfjs-wasm", method: "mine/log-sum-exp", dtype: "float32" },
      { backend: "javascript", method: "mine/loops", dtype: "float32" },
      { backend: "javascript", method: "mine/loops", dtype: "float64" },
    ]);
  });

  it("is scaled", { tags: "nightly" }, async () => {
    const cwd = exampleFolder();
    const shapes = ["--rows", "1,8,64", "--classes", "2,16,128", "--threads", "1"];
    const scaled = await call(
      "scaling",
      ["--backend", "javascript", "--method", "mine/*", ...shapes, "--json"],
      { cwd },
    );
    expect(scaled.code).toBe(0);
    expect(JSON.parse(scaled.stdout).scaling.series).toMatchObject([{ method: "mine/loops", status: "ok" }]);
  });

  it("takes a user's logits, and is needed to continue a run of its own", { tags: "nightly" }, async () => {
    const cwd = exampleFolder();
    const inputs = ["--logits", "[[1,2,3],[3,1,0]]", "--labels", "[2,0]"];
    const computed = await call("gradient", [...inputs, "--method", "mine/*", "--json"], { cwd });
    expect(computed.code, computed.stderr).toBe(0);
    const { results } = JSON.parse(computed.stdout);
    expect(results.map(({ backend, method }: Record<string, string>) => `${backend} ${method}`)).toEqual([
      "tfjs-wasm mine/log-sum-exp",
      "javascript mine/loops",
    ]);
    // ln(e^-2 + e^-1 + 1) = 0.40761 and ln(1 + e^-2 + e^-3) = 0.16985; their mean.
    for (const { loss } of results) expect(loss).toBeCloseTo(0.28873, 5);

    const args = [...SMALL, "--backend", "tfjs-wasm", "--method", "mine/*", "--out", "runs"];
    expect((await call("bench", args, { cwd })).code).toBe(0);
    rmSync(join(cwd, "bench.config.ts"));
    const { id } = onlyRun(join(cwd, "runs"));
    const { code, stderr } = await start(["bench", "--resume", id, "--out", "runs"], { cwd }).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /measures "mine\/log-sum-exp", and there are autograd\/naive, .* brings that method\n$/,
    );
  });

  it("is refused in one line where no selected place has it", async () => {
    const cwd = exampleFolder();
    const where =
      "mine/log-sum-exp is measured on tfjs-wasm, mine/loops is measured on javascript, in processes; got";
    for (const [flags, got] of [
      [["--backend", "wasm-simd", "--method", "mine/*"], "wasm-simd"],
      [["--backend", "tfjs-wasm", "--host", "chromium", "--method", "mine/*"], "tfjs-wasm@chromium"],
    ] as const) {
      const { code, stderr } = await call("bench", ["--list", ...flags], { cwd });
      expect([code, stderr]).toEqual([2, `bench: ${where} ${got}\n`]);
    }
    const { stderr } = await call("bench", ["--list", "--method", "mine/loop"], { cwd });
    expect(stderr).toBe('bench: unknown method "mine/loop": closest are mine/loops, mine/log-sum-exp\n');
  });
});

describe("a method of a bench.config.ts that breaks", () => {
  it("costs its own cells, each with a reason, and nothing else", async () => {
    const cwd = folderWith(`
      import * as tf from "@tensorflow/tfjs-core";
      const loss = (id, loss) => ({ id: "loss/" + id, backend: "tfjs-cpu", loss });
      const gradient = (id, gradient) => ({ id: "gradient/" + id, gradient });
      const right = ({ rows, classes }) => ({ loss: 1, gradient: new Float64Array(rows * classes) });
      export default {
        backends: ["tfjs-cpu", "javascript"],
        dtypes: ["float32"],
        methods: [
          "manual/shifted",
          loss("throws", () => { throw new Error("no loss today"); }),
          loss("rows", (logits) => tf.sum(logits, 1)),
          loss("number", () => 1),
          loss("promise", async (logits) => tf.sum(logits)),
          loss("constant", (logits) => tf.scalar(1)),
          loss("nan", (logits) => tf.mul(tf.sum(logits), NaN)),
          gradient("throws", () => { throw new Error("no gradient today"); }),
          gradient("short", (problem) => ({ loss: 1, gradient: right(problem).gradient.slice(1) })),
          gradient("bare", (problem) => right(problem).gradient),
          gradient("nan", (problem) => ({ loss: NaN, gradient: right(problem).gradient.fill(NaN) })),
          gradient("zero", right),
        ],
      };`);
    const { code, stderr } = await call("bench", [...SMALL, "--out", join(cwd, "runs")], { cwd });
    expect(code, stderr).toBe(1);
    const { cells } = onlyRun(join(cwd, "runs")).results();
    const outcomes = Object.fromEntries(
      cells.map(({ method, status, reason }) => [
        method,
        reason === undefined ? status : `${status}: ${reason}`,
      ]),
    );
    const scalar = "expected the loss to be a float32 scalar, the mean over rows";
    const pair = "expected { loss, gradient }, a number and an array of 12 numbers";
    expect(outcomes).toEqual({
      "manual/shifted": "ok",
      "loss/throws": "failed: no loss today",
      "loss/rows": `failed: loss/rows: ${scalar}; got float32 [4]`,
      "loss/number": `failed: loss/number: ${scalar}; got number`,
      "loss/promise": `failed: loss/promise: ${scalar}; got a promise`,
      "loss/constant": expect.stringMatching(
        /^failed: Cannot compute gradient of y=f\(x\) with respect to x\./,
      ),
      "loss/nan": "ok",
      "gradient/throws": "failed: no gradient today",
      "gradient/short": `failed: gradient/short: ${pair}; got 11 numbers`,
      "gradient/bare": `failed: gradient/bare: ${pair}; got a loss of type undefined`,
      "gradient/nan": "ok",
      "gradient/zero": "ok",
    });
    const errorOf = (id: string) => cells.find(({ method }) => method === id)?.accuracy?.gradient;
    for (const id of ["loss/nan", "gradient/nan"]) {
      expect(errorOf(id)).toMatchObject({ nonFinite: 12, relL2: Number.POSITIVE_INFINITY });
    }
    // |0 − g| / |g|.
    expect(errorOf("gradient/zero")).toMatchObject({ nonFinite: 0, relL2: 1 });
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe("a bench.config.ts whose methods are wrong", () => {
  const TWO =
    'expected two names with a slash between them, such as "mine/fast", the first one not autograd or manual';
  it.each([
    ["[5]", "methods[0]: expected a glob, or a method with an id and a loss or a gradient; got 5"],
    ["[null]", "methods[0]: expected a glob, or a method with an id and a loss or a gradient; got null"],
    [
      "[() => 1]",
      "methods[0]: expected a glob, or a method with an id and a loss or a gradient; got function",
    ],
    [
      '["all", { id: "mine/x" }]',
      "methods[1]: expected a loss (in tensors of TensorFlow.js) or a gradient (in arrays), got neither, but id",
    ],
    [
      '[{ id: "mine/x", loss, gradient, backend: "tfjs-wasm" }]',
      "methods[0]: expected a loss (in tensors of TensorFlow.js) or a gradient (in arrays), got both",
    ],
    ['[{ id: "mine", gradient }]', `methods[0]: id: ${TWO}, got "mine"`],
    ['[{ id: "manual/shifted", gradient }]', `methods[0]: id: ${TWO}, got "manual/shifted"`],
    ['[{ id: "autograd/mine", gradient }]', `methods[0]: id: ${TWO}, got "autograd/mine"`],
    ['[{ id: "../x", gradient }]', `methods[0]: id: ${TWO}, got "../x"`],
    ['[{ id: "mine/a b", gradient }]', `methods[0]: id: ${TWO}, got "mine/a b"`],
    ["[{ gradient }]", /^methods\[0\]: id: expected text, got nothing$/],
    ['[{ id: "mine/x", gradient: 5 }]', "methods[0]: gradient: expected a function, got 5"],
    [
      '[{ id: "mine/x", gradient }, { id: "mine/x", loss, backend: "tfjs-cpu" }]',
      'methods[1]: id: expected each once, got "mine/x" again; choose another',
    ],
    [
      '[{ id: "mine/x", loss, backend: "onnxruntime-cpu" }]',
      'methods[0]: backend: expected tfjs-wasm, tfjs-cpu, tfjs-node-gpu, since a loss takes tensors of TensorFlow.js (give a gradient elsewhere), got "onnxruntime-cpu"',
    ],
    [
      '[{ id: "mine/x", loss }]',
      "methods[0]: backend: expected the backend whose tensors it takes, got nothing",
    ],
    ['[{ id: "mine/x", gradient, backend: "tfjs-wasm" }]', /^methods\[0\]: .*backend/],
    ['"mine/x"', 'methods: expected a list, got "mine/x"'],
  ])("is refused in one line: %s", async (methods, message) => {
    const config = `const loss = () => 1; const gradient = () => 1; export default { methods: ${methods} };`;
    const error = await loadConfig(folderWith(config)).then(String, ({ message: text }) => text);
    expect(error).toMatch(/^bench\.config\.ts: .*$/);
    const rest = error.replace("bench.config.ts: ", "");
    if (typeof message === "string") expect(rest).toBe(message);
    else expect(rest).toMatch(message);
  });
});
