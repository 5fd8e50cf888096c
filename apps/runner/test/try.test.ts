import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { formatNpy, parseNpy } from "@softmax-bench/npy";
import { describe, expect, it } from "vitest";
import { call, start, temporaryFolder } from "./support/cli.js";

/** One thread: further threads of ONNX Runtime would spin, waiting for work that is too small to share. */
const ONE = ["--backend", "onnxruntime-cpu", "--threads", "1"];
const judged = (name: string) => fileURLToPath(new URL(`./fixtures/judge/${name}`, import.meta.url));
const gradient = (args: readonly string[]) => call("gradient", args);

/** Files in a folder of their own. */
function files(arrays: Readonly<Record<string, Uint8Array>>): (name: string) => string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(arrays)) writeFileSync(join(folder, name), bytes);
  return (name) => join(folder, name);
}

describe("pnpm try", () => {
  it("runs .npy files through backends and methods, and writes .npy files", async () => {
    const logits = Float64Array.from({ length: 12 }, (_, index) => Math.sin(index));
    const at = files({
      "x.npy": formatNpy({ shape: [3, 4], data: logits }),
      "t.npy": formatNpy({ shape: [3], data: Int32Array.of(2, 0, 3) }),
    });
    const out = join(temporaryFolder(), "new");
    const args = ["--logits", at("x.npy"), "--labels", at("t.npy"), "--dtype", "float64", "--out", out];
    const { code, stdout, stderr } = await gradient([...args, ...ONE, "--backend", "tfjs-wasm"]);
    expect(code).toBe(0);
    expect(stderr).toContain(`wrote ${GRAPH_METHODS.length} gradients to ${out}`);
    for (const { id } of GRAPH_METHODS) {
      const loss = parseNpy(readFileSync(join(out, "onnxruntime-cpu", id, "loss.npy")));
      const written = parseNpy(readFileSync(join(out, "onnxruntime-cpu", id, "gradient.npy")));
      expect(loss).toMatchObject({ dtype: "float64", shape: [] });
      expect(written).toMatchObject({ dtype: "float64", shape: [3, 4] });
      const rows = written.data as Float64Array;
      expect(rows.subarray(0, 4).reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 15);
      expect(stdout).toContain(id);
    }
    expect(stdout).toContain("tfjs-wasm, 11 methods: unsupported, TensorFlow.js has no float64");
    expect(existsSync(join(out, "tfjs-wasm"))).toBe(false);
    // On a busy machine, times do not settle.
    expect(stdout).toMatch(
      /\n(Best on your data:|No best gradient: .* The fastest of them is) onnxruntime-cpu \S+, [\d.]+ [µm]?s for loss and gradient, .*\n$/,
    );
  });

  it("says in its JSON which gradients are tied with the best, by which resolution, and if the machine was busy", async () => {
    const args = [
      "--logits",
      "[[1, 2, 3]]",
      "--labels",
      "[2]",
      "--method",
      "manual/fused,manual/shifted",
      "--json",
    ];
    const { stdout } = await gradient([...args, ...ONE]);
    const { best, tied, resolution, results, busy } = JSON.parse(stdout);
    if (busy !== null) expect(busy).toMatch(/^The machine was busy: /);
    const states = results.map(({ steadiness }: { steadiness: string }) => steadiness);
    for (const state of states) expect(["settled", "unsettled", "untested"]).toContain(state);
    if (!states.includes("settled")) {
      expect([best, tied, resolution]).toEqual([null, [], null]);
      return;
    }
    expect(results).toContainEqual(expect.objectContaining({ ...best, steadiness: "settled" }));
    expect(tied).not.toContainEqual(best);
    expect(resolution).toBeGreaterThan(0);
  });

  it("keeps what cancels: exact-target on logits [37.43, 0], label 0, in float64", async () => {
    const args = ["--logits", "[[37.43, 0]]", "--labels", "[0]", "--dtype", "float64", "--json"];
    const { stdout } = await gradient([...args, ...ONE, "--method", "manual/exact-target,manual/shifted"]);
    const { results } = JSON.parse(stdout) as { results: { method: string; gradient: number[][] }[] };
    const target = (method: string) => results.find((of) => of.method === method)?.gradient[0]?.[0];
    expect(target("manual/shifted")).toBe(0);
    expect(target("manual/exact-target")).toBeCloseTo(-5.5508250862537194e-17, 30);
  });

  it("computes in float16, and rounds the logits to it", { tags: "nightly" }, async () => {
    // NumPy: the softmax of [1, 2, 3] less [0, 0, 1], in float64, as float16; 1.0001 is 1 in float16.
    const exact = [0.09002685546875, 0.2447509765625, -0.334716796875];
    const args = ["--logits", "[[1.0001, 2, 3]]", "--labels", "[2]", "--dtype", "float16", "--json"];
    const { stdout } = await gradient([
      ...args,
      "--backend",
      "onnxruntime-cpu,tfjs-wasm",
      "--method",
      "manual/fused",
    ]);
    const { dtype, results } = JSON.parse(stdout);
    expect(dtype).toBe("float16");
    expect(results).toMatchObject([
      { backend: "tfjs-wasm", status: "unsupported", reason: "TensorFlow.js has no float16" },
      {
        backend: "onnxruntime-cpu",
        gradient: [exact],
        gradientError: { maxUlp: 0 },
        note: expect.stringContaining("float32 arithmetic"),
      },
    ]);
  });

  it("takes weights, smoothing, ignored labels and one loss per row, as PyTorch does", async () => {
    // torch 2: cross_entropy([[1, 2, 3], [1, 0, -1]], [2, -100], weight=[1, 2, .5], label_smoothing=.3, reduction="none")
    const args = ["--logits", "[[1,2,3],[1,0,-1]]", "--labels", "[2,-100]", "--weights", "[1,2,0.5]"];
    const options = ["--ignore-index", "-100", "--label-smoothing", "0.3", "--reduction", "none"];
    const { code, stdout } = await gradient([...args, ...options, ...ONE, "--dtype", "float64", "--json"]);
    const { exact, results } = JSON.parse(stdout) as {
      exact: { loss: number[] };
      results: { loss?: number[]; gradientError: { relL2: number } }[];
    };
    const logP = [1, 2, 3].map((x) => x - Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3)));
    const smooth = -(logP[0] as number) - 2 * (logP[1] as number) - 0.5 * (logP[2] as number);
    const expected = 0.7 * 0.5 * -(logP[2] as number) + (0.3 / 3) * smooth;
    expect(code).toBe(0);
    expect(exact.loss[0]).toBeCloseTo(expected, 14);
    expect(exact.loss[1]).toBe(0);
    const computed = results.flatMap(({ loss, gradientError }) => (loss ? [{ loss, gradientError }] : []));
    expect(computed).toHaveLength(GRAPH_METHODS.length);
    for (const { loss, gradientError } of computed) {
      expect(loss[0]).toBeCloseTo(expected, 13);
      expect(gradientError.relL2).toBeLessThan(1e-14);
    }
  });

  it("takes probabilities, float16 logits and masked ones", { tags: "nightly" }, async () => {
    const text = "{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }";
    const header = `${text}${" ".repeat(117 - text.length)}\n`;
    // Column by column: 1, −∞; 2, 0.5; 0, 1.
    const halves = Uint16Array.of(0x3c00, 0xfc00, 0x4000, 0x3800, 0, 0x3c00);
    const bytes = Buffer.concat([
      Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]),
      Buffer.from(header),
      Buffer.from(halves.buffer),
    ]);
    const at = files({ "x.npy": bytes });
    const args = ["--logits", at("x.npy"), "--labels", "[[0,1,0],[0,0.5,0.5]]", "--method", "manual/fused"];
    const { code, stdout } = await gradient([...args, ...ONE, "--json"]);
    const [result] = JSON.parse(stdout).results as { gradient: number[][] }[];
    expect(code).toBe(0);
    expect(result?.gradient[1]?.[0]).toBe(0);
    expect(result?.gradient[0]?.[1]).toBeLessThan(0);
  });

  it("takes tensors of a .safetensors file, in half precision too", async () => {
    const file = judged("pytorch-bfloat16.safetensors");
    const args = ["--logits", `${file}#logits`, "--labels", `${file}#labels`, "--ignore-index", "-100"];
    const { code, stdout } = await gradient([...args, ...ONE, "--method", "manual/exact-target", "--json"]);
    const { exact, results } = JSON.parse(stdout);
    expect(code).toBe(0);
    // The loss in the file, which PyTorch computed in bfloat16.
    expect(exact.loss).toBeCloseTo(0.353515625, 2);
    expect(results[0].gradientError.maxUlp).toBeLessThan(10);
  });

  const good = formatNpy({ shape: [2, 3], data: new Float32Array(6) });
  const claimsMore = () => {
    const bytes = Buffer.from(good);
    return Buffer.from(bytes.toString("latin1").replace("(2, 3)", "(9, 9)"), "latin1");
  };
  const HUGE = Buffer.from(
    Buffer.from(good)
      .toString("latin1")
      .replace("(2, 3), }          ", "(1073741824, 1073741824), }")
      .slice(0, 128),
    "latin1",
  );

  it.each<[string, Record<string, Uint8Array>, string[], RegExp]>([
    [
      "a missing file",
      {},
      ["--logits", "/nowhere/x.npy", "--labels", "[0]"],
      /--logits \/nowhere\/x\.npy: there is no such file/,
    ],
    ["a folder", {}, ["--logits", "/", "--labels", "[0]"], /--logits \/: (EISDIR|is not a regular file)/],
    [
      "another format",
      { x: Buffer.from("a,b\n1,2\n") },
      ["--logits", "x", "--labels", "[0]"],
      /x: is not a \.npy file/,
    ],
    [
      "a truncated file",
      { x: good.subarray(0, 140) },
      ["--logits", "x", "--labels", "[0,0]"],
      /24 bytes of data, but has 12/,
    ],
    [
      "bfloat16, which has no type in a .npy file",
      {},
      ["--logits", judged("logits-bfloat16.npy"), "--labels", "[0,0]"],
      /elements of 2 bytes without a type \("<V2"\), as NumPy saves bfloat16; save them as float32, which is exact/,
    ],
    [
      "a claim of more",
      { x: claimsMore() },
      ["--logits", "x", "--labels", "[0,0]"],
      /claims float32\[9,9\], 324 bytes/,
    ],
    [
      "a claim of 2^60 elements",
      { x: HUGE },
      ["--logits", "x", "--labels", "[0]"],
      /claims float32\[1073741824,1073741824\]/,
    ],
    [
      "wrong rank",
      {},
      ["--logits", "[1,2,3]", "--labels", "[0]"],
      /--logits: expected logits \[N, C\], got shape \[3\]/,
    ],
    [
      "no rows",
      {},
      ["--logits", "[]", "--labels", "[0]"],
      /--logits: expected logits \[N, C\], got shape \[0\]/,
    ],
    ["no classes", {}, ["--logits", "[[]]", "--labels", "[0]"], /--logits: is empty, its shape is \[1,0\]/],
    ["uneven rows", {}, ["--logits", "[[1,2],[3]]", "--labels", "[0]"], /row 1 has 1 number, row 0 has 2/],
    ["not JSON", {}, ["--logits", "[[1,2", "--labels", "[0]"], /--logits: not JSON/],
    [
      "JSON of something else",
      {},
      ["--logits", '[["a"]]', "--labels", "[0]"],
      /--logits: expected a list of numbers/,
    ],
    [
      "a label out of range",
      {},
      ["--logits", "[[1,2]]", "--labels", "[2]"],
      /--labels: expected a class in 0 … 1 at \[0\], got 2/,
    ],
    [
      "an ignored label unannounced",
      {},
      ["--logits", "[[1,2]]", "--labels", "[-100]"],
      /--ignore-index -100$/m,
    ],
    [
      "a label that cannot be the ignored one, without a hint to ignore it",
      {},
      ["--logits", "[[1,2]]", "--labels", "[-4294967296]"],
      /got -4294967296$/m,
    ],
    [
      "an ignored label beyond 32 bits",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--ignore-index", "2147483648"],
      /--ignore-index takes a whole number of 32 bits, got "2147483648"/,
    ],
    [
      "a label beside the least one that may be ignored",
      {},
      ["--logits", "[[1,2],[1,2]]", "--labels", "[-2147483648,2]", "--ignore-index", "-2147483648"],
      /--labels: expected a class in 0 … 1 at \[1\], got 2$/m,
    ],
    ["labels that are not whole", {}, ["--logits", "[[1,2]]", "--labels", "[0.5]"], /expected whole numbers/],
    ["mismatched lengths", {}, ["--logits", "[[1,2]]", "--labels", "[0,1]"], /shape \[1\], got shape \[2\]/],
    [
      "negative probabilities",
      {},
      ["--logits", "[[1,2]]", "--labels", "[[-1,2]]"],
      /a number of 0 or more at \[0, 0\], got -1/,
    ],
    [
      "a weight too few",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--weights", "[1]"],
      /--weights: expected a weight per class, shape \[2\]/,
    ],
    [
      "an upstream for the mean",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--upstream", "[1]"],
      /--upstream is for --reduction none/,
    ],
    [
      "too large for float32",
      {},
      ["--logits", "[[1e300,2]]", "--labels", "[0]"],
      /1e\+300 at \[0, 0\] is too large for float32; try --dtype float64/,
    ],
    [
      "an unknown reduction",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--reduction", "men"],
      /unknown reduction "men": closest are mean/,
    ],
    [
      "smoothing beyond 1",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--label-smoothing", "2"],
      /between 0 and 1, got "2"/,
    ],
    ["no logits", {}, ["--labels", "[0]"], /required option '--logits/],
    [
      "an unknown dtype",
      {},
      ["--logits", "[[1,2]]", "--labels", "[0]", "--dtype", "float8"],
      /unknown dtype "float8"/,
    ],
    [
      "NaN logits",
      { x: formatNpy({ shape: [1, 2], data: Float64Array.of(1, Number.NaN) }) },
      ["--logits", "x", "--labels", "[0]"],
      /x: expected a finite number at \[0, 1\], got NaN/,
    ],
  ])("refuses %s: one line, exit 2, nothing written", async (_, arrays, args, message) => {
    const at = files(arrays);
    const out = join(temporaryFolder(), "out");
    const named = args.map((arg) => (arg in arrays ? at(arg) : arg));
    const { code, stdout, stderr } = await call("gradient", [...named, "--out", out]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it("does not wait for a pipe that nobody writes to", async () => {
    const pipe = join(temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const { code, stderr } = await gradient(["--logits", pipe, "--labels", "[0]"]);
    expect(code).toBe(2);
    expect(stderr).toBe(`gradient: --logits ${pipe}: is not a regular file\n`);
  });

  it("stops in one line where the disk is full, and leaves no half a file", async () => {
    // Inputs of 24,528 bytes fit into 24 KiB; a gradient with its header does not.
    const at = files({ "x.npy": formatNpy({ shape: [2, 3065], data: new Float32Array(6130) }) });
    const out = join(temporaryFolder(), "out");
    const args = [
      "gradient",
      "--logits",
      at("x.npy"),
      "--labels",
      "[0,1]",
      "--method",
      "manual/*",
      "--out",
      out,
    ];
    const { code, stdout, stderr } = await start([...args, ...ONE], { fileSizeLimit: 24 }).ended;
    expect(stderr).toMatch(/^gradient: cannot write to --out .*EFBIG.*; choose another folder\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    const left = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.includes("gradient"),
    );
    expect(left).toEqual([]);
  });

  it("says in one line that there is no room", async () => {
    const data = new Float32Array(60_000);
    const at = files({ "x.npy": formatNpy({ shape: [2, 30_000], data }) });
    const args = ["gradient", "--logits", at("x.npy"), "--labels", "[0,1]", ...ONE];
    const { code, stdout, stderr } = await start(args, { fileSizeLimit: 24 }).ended;
    expect(stderr).toMatch(/^gradient: no room for the inputs .*EFBIG.*; make some, or choose less\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("refuses a folder that it cannot write to, before it computes", async () => {
    const args = ["--logits", "[[1,2]]", "--labels", "[0]", "--out", "/dev/null/out"];
    const { code, stderr } = await gradient([...args, ...ONE]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^gradient: cannot write to --out \/dev\/null\/out: /);
  });
});
