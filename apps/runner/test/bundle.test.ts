import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../dist/fs/repository.js";
import { BUNDLED, listFiles, MOST_BYTES, openFolder, runIsolated } from "./support/bundle.js";
import {
  call,
  canUnshare,
  type Ended,
  onlyRun,
  run,
  spawned,
  start,
  temporaryFolder,
} from "./support/cli.js";

const NAME = "bundle.tar.zst";

describe("a bundle of two backends", () => {
  const folder = mkdtempSync(join(tmpdir(), "bundle-test-"));
  const [archive, bundle] = [join(folder, NAME), join(folder, "softmax-bench")];
  let printed: Ended;

  beforeAll(async () => {
    // Of all that follows: with a network the bundle would prove nothing.
    const isolated = runIsolated(["true"], "/");
    if (isolated.code !== 0) {
      throw new Error(`unshare cannot take the network away here: ${isolated.stderr}; run this as root`);
    }
    chmodSync(folder, 0o755);
    printed = await call("bundle", ["--backend", BUNDLED, "--split", "20M", "--out", archive]);
    expect(printed.code, printed.stderr).toBe(0);
    execFileSync("sh", [`${archive}.join.sh`]);
    execFileSync("tar", ["xf", archive, "-C", folder]);
    execFileSync("chmod", ["-R", "a-w", bundle]);
  });
  afterAll(() => {
    execFileSync("chmod", ["-R", "u+w", bundle]);
    rmSync(folder, { recursive: true });
  });

  it("comes in parts with a size, which fits into 60 MB together, and leaves nothing else", () => {
    const parts = readdirSync(folder).filter((name) => /\.\d{3}$/.test(name));
    const bytes = parts.map((name) => readFileSync(join(folder, name)).length);
    expect(bytes.slice(0, -1)).toEqual(parts.slice(1).map(() => 20e6));
    const size = bytes.reduce((sum, one) => sum + one, 0);
    expect(size).toBeLessThanOrEqual(MOST_BYTES);
    expect(printed.stdout).toContain(`: ${(size / 1e6).toFixed(1)} MB in ${parts.length} parts, `);
    expect(readdirSync(folder).sort()).toEqual(
      [NAME, ...parts, `${NAME}.join.sh`, `${NAME}.sha256`, "softmax-bench"].sort(),
    );
  });

  it("joins its parts elsewhere, and says which one is damaged or missing", () => {
    const copy = temporaryFolder();
    execFileSync("sh", ["-c", 'cp "$0".* "$1"', archive, copy]);
    const joined = openFolder();
    const join_ = (...args: string[]) =>
      spawnSync("sh", [join(copy, `${NAME}.join.sh`), ...args], { encoding: "utf8", cwd: "/" });
    expect(join_(joined)).toMatchObject({ status: 0, stdout: `${join(joined, NAME)}\n` });
    expect(readFileSync(join(joined, NAME)).equals(readFileSync(archive))).toBe(true);

    rmSync(join(joined, NAME));
    const part = join(copy, `${NAME}.002`);
    const bytes = readFileSync(part);
    bytes[1000] = (bytes[1000] as number) ^ 1;
    writeFileSync(part, bytes);
    const damaged = join_(joined);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toMatch(/^bundle\.tar\.zst\.002: FAILED\n[\s\S]*a part is missing or damaged/);
    rmSync(part);
    expect(join_(joined)).toMatchObject({ status: 1, stderr: expect.stringContaining(`${NAME}.002`) });
    expect(readdirSync(joined)).toEqual([]);
  });

  it("measures without a network, from a folder that nobody can write to, started anywhere by anybody", async () => {
    const cwd = openFolder();
    const link = join(cwd, "bench-here");
    symlinkSync(relative(cwd, join(bundle, "bench")), link);
    const size = ["--profile", "smoke", "--workload", "16x10", "--method", "manual/*"];
    const args = [...size, "--backend", `${BUNDLED},tfjs-cpu`];
    const { code, stdout, stderr } = runIsolated([link, ...args], cwd);
    expect(code, stderr).toBe(0);
    const { path, results } = onlyRun(join(cwd, "bench-results"));
    const { run: ran, backends, cells, environment } = results();
    expect(ran).toMatchObject({
      status: "complete",
      commit: expect.stringContaining(await git("rev-parse", "HEAD")),
    });
    expect(environment.node).toBe(process.version);
    const measured = cells.filter(({ backend }) => backend !== "tfjs-cpu");
    expect(measured.filter(({ status }) => status === "ok")).toHaveLength(2 * (4 + 5));
    expect(measured.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
    expect(backends).toContainEqual(
      expect.objectContaining({
        id: "tfjs-cpu",
        status: "unavailable",
        reason: "not in this bundle",
        remedy: expect.stringMatching(/^make one with it: pnpm bundle --backend .*,tfjs-cpu /),
      }),
    );
    expect(stdout).toContain("tfjs-cpu is unavailable: not in this bundle");
    expect(readFileSync(join(path, "report.html"), "utf8")).toContain(ran.id);
  });

  it("measures the user's own backends and gradients, which are in no bundle", { tags: "nightly" }, () => {
    const cwd = openFolder();
    const config = `
      const gradient = ({ rows, classes }) => ({ loss: 1, gradient: new Float64Array(rows * classes) });
      export default { dtypes: ["float32"], methods: [{ id: "gradient/mine", gradient }] };`;
    writeFileSync(join(cwd, "bench.config.ts"), config);
    const args = ["--profile", "smoke", "--workload", "4x3", "--backend", "javascript"];
    const { code, stdout, stderr } = runIsolated([join(bundle, "bench"), ...args], cwd);
    expect(stdout + stderr).not.toContain("not in this bundle");
    expect(code, stderr).toBe(0);
    const { cells } = onlyRun(join(cwd, "bench-results")).results();
    expect(cells.map(({ backend, method }) => [backend, method])).toContainEqual([
      "javascript",
      "gradient/mine",
    ]);
    // Plain zeros are no gradient: what counts is that they were judged.
    expect(cells.map(({ status }) => status)).not.toContain("unavailable");
  });

  it("has all its backends measured where none is named, and no others", () => {
    const { code, stdout, stderr } = runIsolated([join(bundle, "bench"), "--list"], openFolder());
    expect(code, stderr).toBe(0);
    const backends = stdout.split("\n").flatMap((line) => /^\S+(?= manual\/fused )/.exec(line) ?? []);
    expect([...new Set(backends)]).toEqual(["onnxruntime-cpu", "wasm-simd"]);
  });

  it("has the other commands, in which missing backends are no fault", { tags: "nightly" }, () => {
    const command = join(bundle, "softmax-bench");
    const args = ["--logits", "[[0,0]]", "--labels", "[0]", "--backend", "jax-js,wasm-simd", "--out", "out"];
    const cwd = openFolder();
    const gradient = runIsolated([command, "gradient", ...args], cwd);
    expect(gradient.stdout + gradient.stderr).toContain("not in this bundle");
    expect(existsSync(join(cwd, "out", "wasm-simd"))).toBe(true);
    // Commands are named by the path of the bundle's script, which is not on PATH.
    const history = runIsolated([command, "history", "--in", "/nonexistent"], cwd);
    expect(history.stdout + history.stderr).toContain(`${command} bench makes one`);
  });

  it("has a doctor that says which backends are not in it", { tags: "nightly" }, () => {
    const doctor = runIsolated([join(bundle, "softmax-bench"), "doctor", "--json"], "/");
    expect(doctor.code, doctor.stderr).toBe(0);
    const { backends } = JSON.parse(doctor.stdout);
    const reasons = Object.fromEntries(
      backends.map(({ id, reason }: { id: string; reason?: string }) => [id, reason]),
    );
    expect(reasons).toMatchObject({ "wasm-simd": undefined, "onnxruntime-cpu": undefined });
    // They would work: their package is there.
    for (const id of ["onnxruntime-cuda", "onnxruntime-webgpu", "tfjs-wasm", "tfjs-webgl"]) {
      expect(reasons[id], id).toBe("not in this bundle");
    }
    expect(reasons.pytorch).not.toBe("not in this bundle");
  });

  it("makes a bundle of what it has", { tags: "nightly" }, () => {
    const cwd = openFolder();
    const args = ["--backend", "wasm-simd", "--out", "smaller.tar.gz"];
    const smaller = runIsolated([join(bundle, "softmax-bench"), "bundle", ...args], cwd);
    expect(smaller.code, smaller.stderr).toBe(0);
    expect(readdirSync(cwd)).toEqual(["smaller.tar.gz"]);
  });

  it("makes no bundle of what it does not have", () => {
    const cwd = openFolder();
    const { code, stderr } = runIsolated(
      [join(bundle, "softmax-bench"), "bundle", "--backend", "tfjs-cpu"],
      cwd,
    );
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^bundle: --backend tfjs-cpu: not in this bundle; make one with it: .*\n$/),
    ]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("says so where a page is to run a backend that it does not have", () => {
    const args = ["--host", "chromium", "--backend", "tfjs-wasm", "--profile", "smoke", "--workload", "2x2"];
    const { stdout, stderr } = runIsolated([join(bundle, "bench"), ...args], openFolder());
    expect(stdout + stderr).toContain("tfjs-wasm@chromium is unavailable: not in this bundle");
  });

  it("has nothing of other platforms or other backends, and nothing that is not needed, but all licences", () => {
    const files = listFiles(bundle);
    expect(files.filter((file) => /core\/dist\/(?:index|modules)/.test(file))).toEqual([
      expect.stringMatching(/core\/dist\/index\.js$/),
    ]);
    expect(
      files.filter((file) => /\.(?:ts|map|tsbuildinfo)$|\/test\/|win32|darwin|arm64/.test(file)),
    ).toEqual([]);
    expect(files.filter((file) => /@tensorflow|jax-js\/jax|ort-wasm/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "node/LICENSE"]));
    const packages = files.flatMap(
      (file) => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(file)?.[1] ?? [],
    );
    expect(packages.length).toBeGreaterThan(50);
    const hasLicence = (name: string) =>
      readdirSync(join(bundle, name)).some((file) => /licen|copying/i.test(file));
    const without = packages.filter((name) => !name.includes("@softmax-bench/") && !hasLicence(name));
    // Their packages bring none, only its name.
    const none = ["@bomb.sh/tab", "@bufbuild/protobuf", "onnxruntime-common", "onnxruntime-node"];
    expect(without.sort()).toEqual(none.map((name) => `app/node_modules/${name}`));
  });

  it("says what is damaged, and does not crash, where a package is missing", () => {
    const adapters = join(bundle, "app", "node_modules", "@softmax-bench");
    execFileSync("chmod", ["u+w", adapters]);
    const [adapter, away] = ["adapter-wasm-simd", "away"].map((name) => join(adapters, name)) as [
      string,
      string,
    ];
    renameSync(adapter, away);
    try {
      const args = ["--profile", "smoke", "--workload", "2x2", "--backend", "wasm-simd"];
      const { stdout, stderr } = runIsolated([join(bundle, "bench"), ...args], openFolder());
      expect(stdout + stderr).toMatch(
        /wasm-simd is unavailable: Cannot find package '@softmax-bench\/adapter-wasm-simd'.*; unpack the bundle again$/m,
      );
    } finally {
      renameSync(away, adapter);
    }
  });

  it("is not replaced unless that is wanted", async () => {
    const { code, stderr } = await call("bundle", ["--backend", BUNDLED, "--out", archive]);
    expect(code).toBe(2);
    expect(stderr).toBe(`bundle: --out ${archive}: ${NAME} exists; give --force to replace it\n`);
  });
});

describe("a bundle that is not made", () => {
  const refused = (folder: string, ...args: string[]) =>
    call("bundle", ["--backend", "wasm-simd", "--out", join(folder, NAME), ...args]);

  it.each([
    [["--backend", "wasm-smid"], /^bundle: unknown backend "wasm-smid": closest are wasm-simd/],
    [["--backend", "pytorch"], /^bundle: --backend pytorch cannot be bundled: .*Python/],
    [["--platform", "linux-x86"], /^bundle: unknown platform "linux-x86": closest are linux-x64/],
    [["--platform", "win32-x64"], /^bundle: unknown platform "win32-x64": .*linux-x64/],
    [["--node", "latest"], /^bundle: --node expects a version such as 24 or 24\.9\.0, got "latest"/],
    [
      ["--cuda-libraries"],
      /^bundle: --cuda-libraries is for --backend onnxruntime-cuda; name it, or leave out/,
    ],
    [["--split", "60"], /^bundle: --split takes a size of at least 1M, such as 60M, got "60"/],
    [["--backend", ""], /^bundle: --backend expects ids, separated by commas: .*; got none\n$/],
    [["--split", "1K"], /^bundle: --split takes a size of at least 1M/],
    [
      ["--out", "bundle.zip"],
      /^bundle: --out expects a name that ends in \.tar\.zst or \.tar\.gz, got "bundle\.zip"/,
    ],
    [
      ["--out", "/nowhere/b.tar.gz"],
      /^bundle: --out: expected a file in a folder that exists, .* \/nowhere; make it first/,
    ],
    [["--out", "/proc/b.tar.gz"], /^bundle: --out: cannot write to \/proc: .*; choose another folder/],
  ])("%s: one line says what was expected", async (args, line) => {
    const folder = temporaryFolder();
    const { code, stderr } = await refused(folder, ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(["it's.tar.gz", "$(reboot).tar.gz", "a&b.tar.gz", "-rf.tar.gz", "a b.tar.gz", "a\nb.tar.gz"])(
    "takes no name that the script would have to quote, if it has parts: %j",
    async (name) => {
      const folder = temporaryFolder();
      const { code, stderr } = await refused(folder, "--split", "60M", "--out", join(folder, name));
      expect([code, stderr]).toEqual([
        2,
        `bundle: --split takes a name of letters, digits and .+-_ in --out, which begins with a letter, a digit or _, got ${JSON.stringify(name)}\n`,
      ]);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  const other = process.arch === "x64" ? "linux-arm64" : "linux-x64";

  /** Requests a bundle for another platform, which is refused when its parts are collected. */
  const requestForOther = async (folder: string) => {
    // A Node for it: nothing of it is run.
    const cache = temporaryFolder();
    const node = join(cache, `node-24-${other}`);
    const executable = `node_modules/node-${other}/bin/node`;
    mkdirSync(join(node, `node_modules/node-${other}/bin`), { recursive: true });
    writeFileSync(join(node, executable), "");
    writeFileSync(join(node, `node_modules/node-${other}/package.json`), '{"version":"24.0.0"}');
    writeFileSync(
      join(node, "contents.json"),
      JSON.stringify({ files: [{ path: executable, bytes: 0, sha256: "" }] }),
    );
    const args = [
      "--backend",
      "tfjs-node-gpu",
      "--platform",
      other,
      "--node",
      "24",
      "--out",
      join(folder, NAME),
    ];
    return call("bundle", args, { env: { SOFTMAX_BENCH_CACHE: cache } });
  };

  it("says which platform native parts are for", async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await requestForOther(folder);
    expect([code, stderr]).toEqual([
      2,
      `bundle: --backend tfjs-node-gpu cannot be bundled for ${other} here: its native parts are those of ${process.platform}-${process.arch}; run this on ${other}\n`,
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("removes what killed processes left, also one that had the id of this, and nothing of one that runs", async () => {
    const folder = temporaryFolder();
    // Above the largest id that Linux has.
    const gone = 2 ** 22 + 1;
    const scratch = (pid: number) => `.${NAME}.${pid}.partial`;
    for (const pid of [gone, process.pid, process.ppid])
      mkdirSync(join(folder, scratch(pid), "tree"), { recursive: true });
    expect((await requestForOther(folder)).stderr).toContain("cannot be bundled");
    expect(readdirSync(folder)).toEqual([scratch(process.ppid)]);
  });

  it.runIf(canUnshare)("says in one line that a Node cannot be fetched without a network", async () => {
    const folder = temporaryFolder();
    const env = { SOFTMAX_BENCH_CACHE: temporaryFolder(), npm_config_fetch_retries: "0" };
    const main = ["bundle", "--backend", "wasm-simd", "--node", "21.99", "--out", join(folder, NAME)];
    const command = [
      "unshare",
      "--net",
      process.execPath,
      join(import.meta.dirname, "../dist/main.js"),
      ...main,
    ];
    const { code, stderr } = await spawned(command, { env }).ended;
    expect(code).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /^bundle: there is no Node 21\.99 for linux-\w+: npm does not get .*; run this where npm reaches its registry/,
    );
    expect(stderr).not.toContain("    at ");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves nothing where it does not fit", async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await run("bundle", ["--backend", "wasm-simd", "--out", join(folder, NAME)], {
      fileSizeLimit: 1000,
    });
    expect(code).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^bundle: EFBIG: /);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(canUnshare)("says beforehand what it needs where the disk is too small", async () => {
    const folder = temporaryFolder();
    const main = [join(import.meta.dirname, "../dist/main.js"), "bundle", "--backend", "wasm-simd", "--out"];
    const script = 'mount -t tmpfs -o size=90m tmpfs "$0"; "$@"; code=$?; ls -A "$0"; exit $code';
    const small = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      script,
      folder,
      process.execPath,
      ...main,
      join(folder, NAME),
    ];
    const { code, stdout, stderr } = await spawned(small, {}).ended;
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^bundle: --out: \S+ has 94\.4 MB free, and up to \d+\.\d MB are needed; free some space/,
    );
  });

  it("has no file of its name when it is killed, and the next one cleans up", {
    tags: "nightly",
  }, async () => {
    const folder = temporaryFolder();
    const args = ["bundle", "--backend", "wasm-simd", "--out", join(folder, NAME)];
    const killed = start(args);
    await killed.says("compressing");
    killed.child.kill("SIGKILL");
    await killed.ended;
    expect(readdirSync(folder)).toEqual([`.${NAME}.${killed.child.pid}.partial`]);

    const stopped = start(args);
    await stopped.says("compressing");
    stopped.child.kill("SIGTERM");
    expect((await stopped.ended).code).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });
});
