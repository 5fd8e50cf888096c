import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { NetworkRecord } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { syntheticImages } from "@softmax-bench/networks";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { call, onlyRun, start, temporaryFolder } from "./support/cli.js";

/** A folder with images in CIFAR-10's binary version: those that the tests were given, or some of our own making. */
function imageFolder(images = 40): string {
  const folder = temporaryFolder();
  const { pixels, labels } = syntheticImages(images);
  const records = Array.from(labels, (label, image) => [
    label,
    ...Array.from(pixels.subarray(image * 3072, (image + 1) * 3072), (value) =>
      Math.round((value + 1) * 127.5),
    ),
  ]);
  writeFileSync(join(folder, `data_batch_1.first${images}.bin`), Uint8Array.from(records.flat()));
  return folder;
}

/** One thread: further threads of ONNX Runtime would spin, waiting for work that is too small to share. */
const SMALL = ["--depths", "2,4", "--batch", "2", "--seeds", "3", "--threads", "1"];
const ONE = [
  ...["--backend", "onnxruntime-cpu", "--dtype", "float32", "--threads", "1"],
  ...["--depths", "2", "--batch", "2", "--seeds", "1"],
];
/** Nobody listens there any more. */
const NOWHERE = `http://127.0.0.1:${await closedPort()}/cifar-10-binary.tar.gz`;

async function closedPort(): Promise<number> {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return port;
}

beforeEach(() => {
  vi.stubEnv("CIFAR10_DIR", process.env.CIFAR10_DIR || imageFolder());
  return () => vi.unstubAllEnvs();
});

describe("pnpm study depth", () => {
  const expectCompared = async (backends: readonly string[], flags: readonly string[]) => {
    const out = temporaryFolder();
    const { code, stdout, stderr } = await call("depth", [...SMALL, ...flags, "--out", out]);
    expect(stderr).not.toContain("synthetic");
    expect(code).toBe(0);
    const { path, results } = onlyRun(out);
    const { depth, run: record } = results();
    expect(record).toMatchObject({ command: "depth", status: "complete" });
    expect(depth).toMatchObject({
      network: "resnet",
      batch: 2,
      seeds: 3,
      images: { source: "CIFAR-10" },
      methods: { manual: "manual/naive", autograd: "autograd/naive" },
    });
    const networks = depth?.networks ?? [];
    expect(
      networks.map(({ backend, dtype, depth: layers, status }) => [backend, dtype, layers, status]),
    ).toEqual(
      backends.flatMap((id) =>
        [2, 4].flatMap((layers) => [
          [id, "float32", layers, "ok"],
          [id, "float64", layers, id === "onnxruntime-cpu" ? "ok" : "unsupported"],
        ]),
      ),
    );
    for (const network of networks.filter(({ status }) => status === "ok")) expectPlausible(network);
    expect(depth?.trends.map(({ backend, dtype, of }) => `${backend} ${dtype} ${of}`)).toHaveLength(
      4 * (backends.length + 1),
    );
    for (const { ci, exponent } of depth?.trends ?? []) {
      expect(exponent).toBeGreaterThanOrEqual(ci[0]);
      expect(exponent).toBeLessThanOrEqual(ci[1]);
    }

    expect(stdout).toContain(
      "Does the difference between the gradient by hand and the automatic one grow with depth?",
    );
    expect(readFileSync(join(path, "report.md"), "utf8")).toContain("](depth-float32.svg)");
    expect(readFileSync(join(path, "depth-float64.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
  };
  const comparison = "compares gradients on %j, layer by layer";
  it.each([[["onnxruntime-cpu"], ["--backend", "onnxruntime-cpu"]]])(comparison, expectCompared);
  it.each([[["tfjs-wasm", "tfjs-node-gpu", "onnxruntime-cpu"], []]])(
    comparison,
    { tags: "nightly" },
    expectCompared,
  );

  function expectPlausible({ dtype, depth, layers, whole, step }: NetworkRecord): void {
    const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;
    expect(layers.map(({ name }) => name).at(-1)).toBe(`dense${depth}`);
    expect(layers).toHaveLength(depth);
    expect(layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(whole?.parameters);
    for (const { norm, distance, reordering, error } of [whole, ...layers].flatMap((of) => of ?? [])) {
      expect(norm.median).toBeGreaterThan(0);
      for (const quantity of [distance.relL2, reordering.relL2, error?.manual, error?.autograd]) {
        expect(quantity?.samples).toHaveLength(3);
        expect(quantity?.median).toBeGreaterThan(0);
        // A Relu whose operand is within rounding of 0 moves a gradient by more; not in most seeds.
        expect(quantity?.median).toBeLessThan(1e4 * unit);
      }
    }
    // Each step is computed as it is and in another order, after a first one that does not count.
    expect(step?.manual.samples).toHaveLength(6);
    expect(step?.autograd.samples).toHaveLength(6);
  }

  const expectPrinted = async (network: string, layers: string) => {
    const flags = [
      "--network",
      network,
      "--depths",
      layers,
      "--formulation",
      "fused",
      "--batch",
      "2",
      "--seeds",
      "2",
    ];
    const out = temporaryFolder();
    const { code, stdout, stderr } = await call("depth", [
      ...flags,
      "--backend",
      "onnxruntime-cpu",
      "--json",
      "--out",
      out,
    ]);
    expect(code).toBe(0);
    const { depth } = parseResults(stdout);
    expect(depth?.methods).toEqual({ manual: "manual/fused", autograd: "autograd/library" });
    expect(depth?.networks.map(({ status }) => status)).toEqual(["ok", "ok"]);
    expect(stderr).toContain("Gradients of");
  };
  const claim = "runs %s, and any pair of methods, and prints the results";
  it.each([
    ["mlp", "3"],
    ["plain", "5"],
  ])(claim, { tags: "nightly" }, expectPrinted);

  const expectTrained = async (backends: string, count: number) => {
    const out = temporaryFolder();
    const flags = [
      "--depths",
      "2",
      "--batch",
      "2",
      "--seeds",
      "1",
      "--train",
      "6",
      "--learning-rate",
      "0.05",
    ];
    const { code, stdout } = await call("depth", [...flags, "--backend", backends, "--out", out]);
    expect(code).toBe(0);
    const { path, results } = onlyRun(out);
    const { depth } = results();
    expect(depth?.training).toEqual({ steps: 6, learningRate: 0.05 });
    const trained =
      depth?.networks.flatMap(({ dtype, training }) => (training ? [{ dtype, ...training }] : [])) ?? [];
    expect(trained).toHaveLength(count);
    for (const { dtype, manual, autograd, reordered } of trained) {
      for (const losses of [manual, autograd, reordered]) {
        expect(losses).toHaveLength(6);
        for (const [step, loss] of losses.entries()) {
          const difference = Math.abs(loss / (autograd[step] as number) - 1);
          expect(difference).toBeLessThan(dtype === "float32" ? 1e-4 : 1e-12);
        }
      }
      expect(new Set(autograd).size).toBe(6);
    }
    expect(stdout).toContain("Trained for 6 steps at depth 2");
    expect(existsSync(join(path, "training-float32.svg"))).toBe(true);
  };
  const trains = "trains by hand, automatically and in another order from the same start: %s";
  it.each([["onnxruntime-cpu", 2]] as const)(trains, expectTrained);
  it.each([["onnxruntime-cpu,tfjs-wasm", 3]] as const)(trains, { tags: "nightly" }, expectTrained);

  it("learns: over the batches of 40 images, again and again, the loss falls", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const flags = ["--network", "mlp", "--depths", "2", "--batch", "20", "--seeds", "1", "--train", "40"];
    await call("depth", [...flags, "--backend", "onnxruntime-cpu", "--dtype", "float32", "--out", out], {
      env: { CIFAR10_DIR: imageFolder(960) },
    });
    const losses = onlyRun(out).results().depth?.networks[0]?.training?.manual ?? [];
    const mean = (part: readonly number[]) => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-10))).toBeLessThan(0.7 * mean(losses.slice(0, 10)));
  });

  it("can be stopped, and resumed where it was", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const running = start([
      "depth",
      "--depths",
      "2,4,6,8",
      "--batch",
      "2",
      "--seeds",
      "1",
      "--backend",
      "onnxruntime-cpu",
      "--dtype",
      "float32",
      "--out",
      out,
    ]);
    await running.says("[1/4]");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    const { id, results } = onlyRun(out);
    expect(code).toBe(130);
    expect(stderr).toContain(`continue with: pnpm study depth --resume ${id} --out ${out}`);
    expect(results().run.status).toBe("interrupted");

    const other = await call("bench", ["--resume", id, "--out", out]);
    expect([other.code, other.stderr]).toEqual([
      2,
      `bench: ${id} is not a run of bench; continue with: pnpm study depth --resume ${id} --out ${out}\n`,
    ]);

    const blank = temporaryFolder();
    writeFileSync(join(blank, "data_batch_1.first40.bin"), new Uint8Array(40 * 3073));
    const others = await call("depth", ["--resume", id, "--out", out], { env: { CIFAR10_DIR: blank } });
    expect(others.code).toBe(2);
    expect(others.stderr).toContain(
      "the run began with CIFAR-10 images, and these CIFAR-10 images are others",
    );
    const resumed = await call("depth", ["--resume", id, "--out", out]);
    expect(resumed.code).toBe(0);
    expect(results().depth?.networks.map(({ status }) => status)).toEqual(Array(4).fill("ok"));
    expect(results().run.status).toBe("complete");
  });

  it("does not resume a run whose journal says to compare impossible depths", async () => {
    const out = temporaryFolder();
    await call("depth", [...ONE, "--out", out]);
    const { id, journal } = onlyRun(out);
    const text = readFileSync(journal, "utf8");
    const damaged = /journal.jsonl begins with no header \(depth.depths\[0\]: .*\): .* it is damaged/;
    for (const [depths, message] of [
      ["[3]", /journal is damaged: a resnet has an even number of layers, got 3/],
      ["[-2]", damaged],
      ["[1000000000]", damaged],
    ] as const) {
      // With checksums that are right: what is written there may be anybody's.
      const altered = text.replace(/^(.*"depths":)\[[^\]]*\](.*),"crc32":"\w+"\}$/gm, (_, before, after) => {
        const members = `${before}${depths}${after}`;
        return `${members},"crc32":"${crc32(`${members}}`).toString(16).padStart(8, "0")}"}`;
      });
      writeFileSync(journal, altered);
      const { code, stderr } = await call("depth", ["--resume", id, "--out", out]);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(code).toBe(2);
    }
  });

  it("says why a backend is not compared", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const { code, stdout } = await call("depth", [
      "--depths",
      "2",
      "--batch",
      "2",
      "--seeds",
      "1",
      "--backend",
      "jax-js,onnxruntime-cpu",
      "--out",
      out,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("jax-js float32, depth 2: unsupported, networks are not run on");
  });
});

describe("images of pnpm study depth", () => {
  it("are synthetic where there is no network, which every output says", async () => {
    const out = temporaryFolder();
    const env = { CIFAR10_DIR: "", CIFAR10_URL: NOWHERE, SOFTMAX_BENCH_CACHE: temporaryFolder() };
    const { code, stdout, stderr } = await call("depth", [...ONE, "--out", out], { env });
    expect(code).toBe(0);
    const { path, results } = onlyRun(out);
    expect(stderr).toContain("images are synthetic: ");
    expect(stdout).toContain("Images are synthetic: ");
    expect(readFileSync(join(path, "report.md"), "utf8")).toContain("Images are synthetic: ");
    expect(results().depth?.images).toMatchObject({
      source: "synthetic",
      note: expect.stringContaining("CIFAR10_DIR names a folder"),
    });
  });

  const damaged: Readonly<Record<string, [(folder: string) => void, RegExp]>> = {
    "are cut short": [
      (folder) => writeFileSync(join(folder, "data_batch_1.bin"), new Uint8Array(3073 * 9_999)),
      /data_batch_1\.bin has 30726927 bytes, expected 30730000: 10000 images of 3073 bytes/,
    ],
    "have an invalid label": [
      (folder) => writeFileSync(join(folder, "data_batch_1.first2.bin"), new Uint8Array(2 * 3073).fill(77)),
      /image 0 has label 77; labels of CIFAR-10 are 0 to 9/,
    ],
    "are too few": [
      (folder) => writeFileSync(join(folder, "data_batch_1.first1.bin"), new Uint8Array(3073)),
      /has 1 image, 2 are needed/,
    ],
    "are another version": [
      (folder) => writeFileSync(join(folder, "data_batch_1"), "python"),
      /has no data_batch_1\.bin; expected the binary version of CIFAR-10, unpacked/,
    ],
  };
  it.each(Object.entries(damaged))(
    "that %s are an error, in one line, and nothing is written",
    async (_, [damage, message]) => {
      const folder = temporaryFolder();
      damage(folder);
      await expectRefused(ONE, message, { CIFAR10_DIR: folder });
    },
  );

  it("that are not there are an error", async () => {
    await expectRefused(ONE, /cannot be read: ENOENT/, { CIFAR10_DIR: join(temporaryFolder(), "missing") });
  });

  it("that a server refuses are an error, not synthetic", async () => {
    const server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar-10-binary.tar.gz`;
    const env = { CIFAR10_DIR: "", CIFAR10_URL: url, SOFTMAX_BENCH_CACHE: temporaryFolder() };
    await expectRefused(ONE, /answers 404/, env);
  });

  it("that are something else are deleted, and an error", async () => {
    const server = createServer((_, response) => response.end("not the archive"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar-10-binary.tar.gz`;
    const env = { CIFAR10_DIR: "", CIFAR10_URL: url, SOFTMAX_BENCH_CACHE: temporaryFolder() };
    await expectRefused(ONE, /has the MD5 digest [0-9a-f]{32}, expected c32a1d4a/, env);
  });
});

describe("wrong usage of pnpm study depth", () => {
  it.each<[readonly string[], RegExp]>([
    [["--network", "resnt"], /unknown network "resnt": closest are resnet/],
    [["--formulation", "stable"], /unknown formulation "stable"/],
    [["--backend", "tfjs"], /unknown backend "tfjs"/],
    [["--dtype", "float8"], /unknown dtype "float8"/],
    [["--dtype", "float16"], /--dtype expects float32 or float64 for networks, got float16/],
    [["--depths", "3"], /--depths: a resnet has an even number of layers, got 3/],
    [["--network", "mlp", "--depths", "1"], /--depths: a network has 2 layers or more, got 1/],
    [["--depths", "2,x"], /--depths takes a whole number from 1 to 512, got "x"/],
    [["--depths", "1000"], /--depths takes a whole number from 1 to 512, got "1000"/],
    [["--batch", "0"], /--batch takes a whole number from 1 to/],
    [["--batch", "-1"], /--batch/],
    [["--seeds", "1.5"], /--seeds takes a whole number from 1 to 1000, got "1.5"/],
    [["--train", "0"], /--train takes a whole number from 1 to/],
    [["--train", "5", "--learning-rate", "fast"], /--learning-rate takes a positive number, got "fast"/],
    [["--train", "5", "--learning-rate", "-1"], /--learning-rate/],
    [["--learning-rate", "0.1"], /--learning-rate is that of training; add --train/],
    [
      ["--backend", "tfjs-wasm", "--dtype", "float64"],
      /the selection leaves nothing to run: tfjs-wasm has only float32/,
    ],
    [["--threads", "0"], /threads/],
    [
      ["--batch", "10000", "--seeds", "1000"],
      /--batch 10000 and --seeds 1000 need 10000000 images, CIFAR-10 has 50000; choose smaller ones/,
    ],
    [["--resume", "nothing"], /no run "nothing"/],
    [["--resume", "nothing", "--batch", "2"], /leave out its batch/],
    [["resnet"], /too many arguments/],
  ])("%j is one line, and exit code 2", async (flags, message) => {
    await expectRefused(flags, message);
  });

  it("takes no address with a password, and does not repeat it", async () => {
    const env = { CIFAR10_DIR: "", CIFAR10_URL: "http://me:secret@127.0.0.1/a.tar.gz" };
    await expectRefused(ONE, /CIFAR10_URL takes an address without user name and password$/, env);
  });

  it("names an invalid address", async () => {
    const env = { CIFAR10_DIR: "", CIFAR10_URL: "somewhere", SOFTMAX_BENCH_CACHE: temporaryFolder() };
    await expectRefused(ONE, /CIFAR10_URL takes an address such as https:.* got "somewhere"/, env);
  });
});

async function expectRefused(
  flags: readonly string[],
  message: RegExp,
  env?: NodeJS.ProcessEnv,
): Promise<void> {
  const out = join(temporaryFolder(), "runs");
  mkdirSync(out);
  const args = [...flags, "--out", out];
  const { code, stdout, stderr } = await call("depth", args, env ? { env } : {});
  const lines = stderr.trim().split("\n");
  expect(lines.at(-1)).toMatch(message);
  expect(lines.filter((line) => line.startsWith("depth: "))).toHaveLength(1);
  expect(stdout).toBe("");
  expect(code).toBe(2);
  expect(readdirSync(out)).toEqual([]);
}
