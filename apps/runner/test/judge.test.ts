import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { formatNpy } from "@softmax-bench/npy";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../dist/cli/commands/index.js";
import type { Console } from "../dist/terminal/console.js";
import { call, temporaryFolder } from "./support/cli.js";

/** Made by NumPy, ml_dtypes, PyTorch and safetensors: see make.py in that folder. */
const FIXTURES = fileURLToPath(new URL("./fixtures/judge/", import.meta.url));
const at = (name: string): string => join(FIXTURES, name);

const judge = (...args: readonly string[]) => call("judge", args);

/** Six rows of five classes; p of the labels is about 0.3, 0.7, 0.95, 0.995 and 0.9995, and one row is ignored. */
const problem = (logits: string) => [
  ...["--logits", at(`logits-${logits}.npy`), "--labels", at("labels.npy")],
  ...["--ignore-index", "-100"],
];

const namedIf = (dtype: string) => (dtype === "bfloat16" ? ["--dtype", dtype] : []);

interface Group {
  readonly kind: string;
  readonly from: number;
  readonly outside: number;
  readonly maxUlp: number;
  readonly worst: { readonly index: number; readonly computed: number | string };
}

interface Judgement {
  readonly isWithinLimit: boolean;
  readonly dtype: string;
  readonly gradient: { readonly groups: Group[]; readonly special: Record<string, number> };
  readonly boundRatios: { readonly method: string; readonly ratio: number }[];
  readonly loss?: { readonly dtype: string; readonly maxUlp: number; readonly outside: number };
}

async function judgement(...args: readonly string[]): Promise<Judgement & { readonly code: number | null }> {
  const { code, stdout, stderr } = await judge(...args, "--json");
  expect(stderr).toBe("");
  return { code, ...(JSON.parse(stdout) as Judgement) };
}

const failing = ({ gradient: { groups } }: Judgement) =>
  groups.filter(({ outside }) => outside > 0).map(({ kind, from }) => `${kind} from ${from}`);

describe("pnpm judge on gradients that NumPy and ml_dtypes wrote", () => {
  it.each(["float16", "bfloat16", "float32", "float64"])("passes a right one in %s", async (dtype) => {
    const args = ["--gradient", at(`right-${dtype}.npy`), ...namedIf(dtype)];
    const found = await judgement(...problem(dtype), ...args, "--max-ulp", "1");
    expect(found).toMatchObject({ code: 0, isWithinLimit: true, dtype });
    expect(found.gradient.groups.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 5 }, () => "target"),
      ...Array.from({ length: 5 }, () => "tail"),
      "ignored",
    ]);
    // No correctly rounded gradient is farther off than the roundings of a formula allow.
    for (const { ratio } of found.boundRatios) expect(ratio).toBeLessThan(1);
  });

  it.each(["float16", "bfloat16", "float32", "float64"])(
    "fails p − 1 in %s where p is near 1, and only there",
    async (dtype) => {
      const args = ["--gradient", at(`naive-${dtype}.npy`), ...namedIf(dtype)];
      const found = await judgement(...problem(dtype), ...args, "--max-ulp", "4");
      expect(found).toMatchObject({ code: 1, isWithinLimit: false });
      expect(failing(found)).toEqual(["target from 0.9", "target from 0.99", "target from 0.999"]);
      // It is rounding, if as much of it as can be.
      for (const { ratio } of found.boundRatios) expect(ratio).toBeLessThan(1);
    },
  );

  it("says in words what is measured and what fails, on one screen", async () => {
    const args = ["--gradient", at("naive-bfloat16.npy"), "--dtype", "bfloat16", "--loss", "[0.3]"];
    const { code, stdout } = await judge(...problem("bfloat16"), ...args);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "Gradient of softmax cross-entropy in bfloat16: 6 rows, 5 classes.\nThe loss: mean, labels, label -100 ignored.\n",
    );
    expect(stdout).toMatch(/target +0\.999 – 1 +1 +1 +14,571 .* FAILS\n/);
    expect(stdout).toMatch(/ignored +5 +0 +0 .* ok *\n/);
    expect(stdout).toContain("Entries that are 0 where the exact one is a normal number: 1 (3.3 %).");
    expect(stdout).toContain("Farthest off: [4, 2], of the target entries, by 14,571 ULP of bfloat16:");
    expect(stdout).toContain("Within 4 ULP: 27 of 30 entries.\nFAILS: target (3), loss (");
    const lines = stdout.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(30);
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  it("reads bfloat16 that was saved as float32, if --dtype says so", async () => {
    const args = ["--gradient", at("right-bfloat16-as-float32.npy"), "--max-ulp", "0"];
    expect(await judgement(...problem("float32"), ...args, "--dtype", "bfloat16")).toMatchObject({ code: 0 });
    // A bfloat16 is a poor float32.
    expect(await judgement(...problem("float32"), ...args)).toMatchObject({ code: 1, dtype: "float32" });
  });

  it("reads big-endian files in Fortran order", async () => {
    const args = ["--gradient", at("right-fortran-big-endian.npy"), "--max-ulp", "0"];
    expect(await judgement(...problem("float32"), ...args)).toMatchObject({ code: 0 });
  });

  it.each([
    ["sum", ["sum.npy", "--reduction", "sum"]],
    [
      "none, with an upstream gradient",
      ["none.npy", "--reduction", "none", "--upstream", at("upstream.npy")],
    ],
    ["weights", ["weighted.npy", "--weights", at("weights.npy")]],
    ["label smoothing", ["smoothed.npy", "--label-smoothing", "0.25"]],
  ])("knows %s, and fails such a gradient without it", async (_, [gradient = "", ...flags]) => {
    const given = ["--gradient", at(gradient)];
    expect(await judgement(...problem("float64"), ...given, ...flags, "--max-ulp", "1")).toMatchObject({
      code: 0,
    });
    const without = await judgement(...problem("float64"), ...given);
    expect(without.code).toBe(1);
    // No rounding explains another loss.
    for (const { ratio } of without.boundRatios) expect(ratio).toBeGreaterThan(1);
  });

  it("knows probabilities: the target is the class of the largest one", async () => {
    const args = ["--logits", at("logits-float32.npy"), "--labels", at("probabilities.npy")];
    const found = await judgement(...args, "--gradient", at("of-probabilities.npy"), "--max-ulp", "1");
    expect(found.code).toBe(0);
    expect(found.gradient.groups[0]?.kind).toBe("target");
  });
});

describe("pnpm judge on gradients of PyTorch's, in .safetensors", () => {
  const tensors = (file: string) => [
    ...["logits", "labels", "gradient", "loss"].flatMap((name) => [`--${name}`, `${at(file)}#${name}`]),
    ...["--ignore-index", "-100"],
  ];

  it("finds its target entries lost in bfloat16 from p = 0.99 on", async () => {
    const found = await judgement(...tensors("pytorch-bfloat16.safetensors"));
    expect(found).toMatchObject({ code: 1, dtype: "bfloat16", loss: { dtype: "bfloat16", maxUlp: 0 } });
    expect(failing(found)).toEqual(["target from 0.99", "target from 0.999"]);
    expect(found.gradient.groups.find(({ from }) => from === 0.999)?.worst).toMatchObject({ computed: 0 });
  });

  it("finds them less exact than the others in float32", async () => {
    const found = await judgement(...tensors("pytorch-float32.safetensors"));
    expect(found).toMatchObject({ code: 1, dtype: "float32" });
    expect(failing(found).every((name) => name.startsWith("target"))).toBe(true);
  });
});

describe("pnpm judge on inline JSON", () => {
  const TWO = ["--logits", "[[0,0]]", "--labels", "[0]"];

  it("takes its numbers for float32, or for the dtype that is named", async () => {
    expect(await judgement(...TWO, "--gradient", "[[-0.5,0.5]]")).toMatchObject({
      code: 0,
      dtype: "float32",
    });
    // 0.7 is rounded: in float16, as a logit and in the gradient.
    const p = 1 / (1 + Math.exp(-0.7001953125));
    const args = ["--logits", "[[0.7,0]]", "--labels", "[1]", "--gradient", `[[${p},${-p}]]`];
    expect(await judgement(...args, "--dtype", "float16", "--max-ulp", "0")).toMatchObject({ code: 0 });
  });

  it("judges the loss where it is given", async () => {
    const args = [...TWO, "--gradient", "[[-0.5,0.5]]"];
    expect(await judgement(...args, "--loss", "[0.6931471805599453]")).toMatchObject({
      code: 0,
      loss: { outside: 0 },
    });
    const found = await judgement(...args, "--loss", "[0.69]");
    expect(found).toMatchObject({ code: 1, isWithinLimit: false, loss: { outside: 1 } });
    expect(failing(found)).toEqual([]);
  });

  it("takes one loss per row with --reduction none", async () => {
    const args = ["--logits", "[[0,0],[0,0]]", "--labels", "[0,1]", "--gradient", "[[-0.5,0.5],[0.5,-0.5]]"];
    const losses = ["--reduction", "none", "--loss", "[0.6931471805599453,0.6931471805599453]"];
    expect(await judgement(...args, ...losses)).toMatchObject({ code: 0 });
  });
});

/** Writes an array of one row in a folder of its own. */
function rowFile(...values: number[]): string {
  const file = join(temporaryFolder(), "g.npy");
  writeFileSync(file, formatNpy({ shape: [1, values.length], data: Float32Array.from(values) }));
  return file;
}

describe("pnpm judge", () => {
  it("takes a textbook gradient in float32, and says what a sum in place of a mean is", async () => {
    const logits = [
      [2, 1.5, -1],
      [0.5, -2, 2],
    ];
    const rows = logits.map((row, n) => {
      const largest = Math.max(...row);
      const powers = row.map((x) => Math.fround(Math.exp(x - largest)));
      const sum = Math.fround(powers.reduce((a, b) => a + b));
      return powers.map((power, c) => Math.fround(Math.fround(power / sum) - (c === n ? 1 : 0)));
    });
    const given = ["--logits", JSON.stringify(logits), "--labels", "[0, 1]", "--gradient"];
    const mean = rows.map((row) => row.map((entry) => entry / 2));
    expect((await judge(...given, JSON.stringify(mean))).code).toBe(0);
    const { code, stdout } = await judge(...given, JSON.stringify(rows));
    expect(code).toBe(1);
    expect(stdout).toContain(
      "All entries are 2 times the exact ones, the number of rows: is --reduction sum meant?",
    );
  });

  it("fails NaN and infinite entries, and counts them", async () => {
    const args = ["--logits", "[[0,0,0]]", "--labels", "[0]"];
    const gradient = rowFile(Number.NaN, 1 / 3, Number.POSITIVE_INFINITY);
    const found = await judgement(...args, "--gradient", gradient);
    expect(found).toMatchObject({ code: 1, gradient: { special: { nonFinite: 2 } } });
    expect(failing(found)).toEqual(["target from 0", "tail from 0"]);
    expect(found.gradient.groups[0]).toMatchObject({ maxUlp: "Infinity", worst: { computed: "NaN" } });
    const { stdout } = await judge(...args, "--gradient", gradient);
    expect(stdout).toContain("Entries that are NaN or infinite: 2 (67 %).");
    expect(stdout).toMatch(/FAILS: target \(1\), tail \(1\)\.\n$/);
  });

  it("holds rows that are ignored to exactly 0, whatever the limit", async () => {
    const args = ["--logits", "[[0,0]]", "--labels", "[7]", "--ignore-index", "7", "--reduction", "sum"];
    expect(await judgement(...args, "--gradient", "[[0,0]]")).toMatchObject({ code: 0 });
    const found = await judgement(...args, "--gradient", rowFile(0, 2 ** -149), "--max-ulp", "9");
    expect(found.code).toBe(1);
    expect(failing(found)).toEqual(["ignored from 0"]);
  });

  it("wants 0 of a masked class, and NaN where the mean divides by 0", async () => {
    const masked = join(temporaryFolder(), "x.npy");
    const data = Float32Array.of(0, 0, Number.NEGATIVE_INFINITY);
    writeFileSync(masked, formatNpy({ shape: [1, 3], data }));
    const args = ["--logits", masked, "--labels", "[0]", "--gradient"];
    expect(await judgement(...args, "[[-0.5,0.5,0]]")).toMatchObject({ code: 0 });
    expect(await judgement(...args, "[[-0.5,0.5,1e-30]]")).toMatchObject({ code: 1 });
    const weightless = [...args, rowFile(Number.NaN, Number.NaN, Number.NaN), "--weights", "[0,1,1]"];
    expect(await judgement(...weightless)).toMatchObject({ code: 0, isWithinLimit: true });
  });

  it("prints nothing if it is stopped", async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const streams = { stdout, stderr } as unknown as Pick<Console, "stdout" | "stderr">;
    const command = await COMMANDS.judge();
    const args = ["--logits", "[[0,0]]", "--labels", "[0]", "--gradient", "[[-0.5,0.5]]"];
    expect(await command(args, { ...streams, signal: AbortSignal.abort() })).toBe(130);
    expect([stdout.read(), stderr.read()]).toEqual([null, null]);
  });

  it("takes the only tensor of a file without its name, and asks for one of several", async () => {
    const [two, one] = [join(temporaryFolder(), "g.safetensors"), join(temporaryFolder(), "g.safetensors")];
    const info = (begin: number) => ({ dtype: "F32", shape: [1, 2], data_offsets: [begin, begin + 8] });
    const halves = Buffer.from(Float32Array.of(-0.5, 0.5, -0.5, 0.5).buffer);
    writeFileSync(one, safetensors({ g: info(0) }, halves.subarray(0, 8)));
    writeFileSync(two, safetensors({ "a\u001b[2J": info(0), b: info(8) }, halves));
    const args = ["--logits", "[[0,0]]", "--labels", "[0]", "--gradient"];
    expect(await judgement(...args, one)).toMatchObject({ code: 0, dtype: "float32" });
    expect(await judgement(...args, `${two}#b`)).toMatchObject({ code: 0 });
    const unnamed = await judge(...args, two);
    expect(unnamed).toMatchObject({ code: 2, stdout: "" });
    expect(unnamed.stderr).toBe(
      `judge: --gradient ${two}: expected #<name> of one of its tensors after the file; it has "a?[2J", "b"\n`,
    );
    const unknown = await judge(...args, `${two}#c`);
    expect(unknown.stderr).toMatch(/#c: expected one of its tensors, got "c"; it has "a\?\[2J", "b"\n$/);
  });

  it.each<[string, () => string[], RegExp]>([
    [
      "bfloat16 without its name",
      () => [...problem("bfloat16"), "--gradient", at("right-bfloat16.npy")],
      /--gradient .*right-bfloat16\.npy: has elements of 2 bytes without a type \("<V2"\), as NumPy saves bfloat16; if the gradient is bfloat16, add --dtype bfloat16; else save this array as float32, which is exact$/,
    ],
    [
      "logits in bfloat16 with a gradient in float32",
      () => [...problem("bfloat16"), "--gradient", at("right-float32.npy")],
      /--logits .*logits-bfloat16\.npy: has elements of 2 bytes .* save this array as float32, which is exact$/,
    ],
    [
      "float32 that is no bfloat16",
      () => [...problem("float32"), "--gradient", at("right-float32.npy"), "--dtype", "bfloat16"],
      /--dtype bfloat16: expected only numbers of bfloat16, got -0\.145\d+ at \[0, 0\]$/,
    ],
    [
      "a gradient of another shape",
      () => [...problem("float32"), "--gradient", "[[1,2]]"],
      /--gradient: expected an entry for each logit, shape \[6,5\], got shape \[1,2\]$/,
    ],
    [
      "a gradient of integers",
      () => [...problem("float32"), "--gradient", at("labels.npy")],
      /labels\.npy: expected floating-point numbers, got int64; bfloat16 may be saved as float32, with --dtype bfloat16$/,
    ],
    [
      "a label out of range",
      () => ["--logits", "[[1,2]]", "--labels", "[2]", "--gradient", "[[0,0]]"],
      /--labels: expected a class in 0 … 1 at \[0\], got 2$/,
    ],
    [
      "NaN logits",
      () => ["--logits", rowFile(1, Number.NaN), "--labels", "[0]", "--gradient", "[[0,0]]"],
      /expected a finite number at \[0, 1\], got NaN$/,
    ],
    [
      "a loss for each row of a mean",
      () => [
        "--logits",
        "[[1,2],[1,2]]",
        "--labels",
        "[0,1]",
        "--gradient",
        "[[0,0],[0,0]]",
        "--loss",
        "[1,2]",
      ],
      /--loss: expected one loss, shape \[1\], got shape \[2\]$/,
    ],
    [
      "one loss for --reduction none",
      () => [...problem("float32"), "--gradient", at("none.npy"), "--reduction", "none", "--loss", "[1]"],
      /--loss: expected a loss per row, shape \[6\], got shape \[1\]$/,
    ],
    ["no gradient", () => ["--logits", "[[1,2]]", "--labels", "[0]"], /required option '--gradient/],
    [
      "an unknown dtype",
      () => [...problem("float32"), "--gradient", "[[0]]", "--dtype", "bf16"],
      /unknown dtype "bf16": closest are /,
    ],
    [
      "a limit that is no number",
      () => [...problem("float32"), "--gradient", "[[0]]", "--max-ulp", "-1"],
      /--max-ulp takes a whole number, got "-1"$/,
    ],
    [
      "another format",
      () => [...problem("float32"), "--gradient", at("make.py")],
      /make\.py: is not a \.npy file: it does not begin with/,
    ],
    [
      "a .safetensors file of random bytes",
      () => [...problem("float32"), "--gradient", hostileFile()],
      /claims a header of 18446744073709551615 bytes, more than 1048576$/,
    ],
    [
      "a missing file",
      () => [...problem("float32"), "--gradient", "/nowhere/g.safetensors#g"],
      /--gradient \/nowhere\/g\.safetensors#g: there is no such file; expected a \.npy or \.safetensors file, or JSON/,
    ],
  ])("refuses %s: one line, exit 2", async (_, args, message) => {
    const { code, stdout, stderr } = await judge(...args());
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

/** A file that claims a header of 2^64 − 1 bytes. */
function hostileFile(): string {
  const file = join(temporaryFolder(), "g.safetensors");
  writeFileSync(file, Buffer.alloc(64, 0xff));
  return file;
}

/** A file with this header and these bytes of data. */
function safetensors(header: object, data: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}
