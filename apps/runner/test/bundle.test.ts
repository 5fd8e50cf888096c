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
import { parseResults } from "@softmax-bench/core/results";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { placePackages } from "../dist/bundle/packages.js";
import { git } from "../src/fs/repository.js";
import { ROOT } from "./support/checkout.js";
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

const BACKENDS = "wasm-simd,onnxruntime-cpu";
const NAME = "bundle.tar.zst";

/** What a bundle may take at most: it has to go through what people send files with. */
const MOST_BYTES = 60e6;

/** A user without rights to anything, as far as root can become one. */
const NOBODY =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

/** Runs a command without any network and with nothing of this environment, as another user if that is possible. */
function runIsolated(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Ended {
  const variables = Object.entries({ PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...env });
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [
      ...(NOBODY.length > 0 ? ["--net"] : ["--map-root-user", "--net"]),
      ...NOBODY,
      ...["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`)],
      ...command,
    ],
    { cwd, encoding: "utf8" },
  );
  return { code: status, stdout, stderr };
}

/** A folder that everybody may write to. */
function openFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  return folder;
}

const list = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));

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
    printed = await call("bundle", ["--backend", BACKENDS, "--split", "20M", "--out", archive]);
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
    const args = ["--profile", "smoke", "--workload", "16x10", "--backend", `${BACKENDS},tfjs-cpu`];
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
    expect(measured.filter(({ status }) => status === "ok").length).toBeGreaterThan(20);
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

  it("has all its backends measured where none is named, and no others", () => {
    const { code, stdout, stderr } = runIsolated([join(bundle, "bench"), "--list"], openFolder());
    expect(code, stderr).toBe(0);
    const backends = stdout.split("\n").flatMap((line) => /^\S+(?= manual\/fused )/.exec(line) ?? []);
    expect([...new Set(backends)]).toEqual(["onnxruntime-cpu", "wasm-simd"]);
  });

  it("has the other commands, in which missing backends are no fault", () => {
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
    const args = ["--logits", "[[0,0]]", "--labels", "[0]", "--backend", "jax-js,wasm-simd", "--out", "out"];
    const cwd = openFolder();
    const gradient = runIsolated([join(bundle, "softmax-bench"), "gradient", ...args], cwd);
    expect(gradient.stdout + gradient.stderr).toContain("not in this bundle");
    expect(existsSync(join(cwd, "out", "wasm-simd"))).toBe(true);
  });

  it("makes a bundle of what it has, and of nothing else", () => {
    const cwd = openFolder();
    const args = ["--backend", "wasm-simd", "--out", "smaller.tar.gz"];
    const smaller = runIsolated([join(bundle, "softmax-bench"), "bundle", ...args], cwd);
    expect(smaller.code, smaller.stderr).toBe(0);
    expect(readdirSync(cwd)).toEqual(["smaller.tar.gz"]);
    rmSync(join(cwd, "smaller.tar.gz"));
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
    const files = list(bundle);
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
    const none = ["@bufbuild/protobuf", "onnxruntime-common", "onnxruntime-node"];
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
      const { code, stdout } = runIsolated([join(bundle, "softmax-bench"), "doctor", "--json"], "/");
      expect(code).toBe(0);
      expect(JSON.parse(stdout).backends).toContainEqual(
        expect.objectContaining({
          id: "wasm-simd",
          reason: expect.stringContaining("Cannot find package '@softmax-bench/adapter-wasm-simd'"),
          remedy: "unpack the bundle again",
        }),
      );
    } finally {
      renameSync(away, adapter);
    }
  });

  describe("in a session of deploy/gpu-session.sh", () => {
    const deployed = (file: string) => join(ROOT, "deploy", file);
    /** A folder with all parts of the bundle and the scripts, as somebody copied them to a machine with a GPU. */
    const copyParts = (): string => {
      const copy = openFolder();
      execFileSync("sh", ["-c", 'cp "$0".* "$1"', archive, copy]);
      for (const file of ["gpu-session.sh", "slurm/gpu.sbatch"]) execFileSync("cp", [deployed(file), copy]);
      return copy;
    };

    it("is joined, examined and measured, and says why there is no CUDA", () => {
      const copy = copyParts();
      const { code, stderr } = runIsolated(["sh", "gpu.sbatch"], copy, {
        SLURM_JOB_ID: "17",
        SESSION_PROFILE: "smoke",
        SESSION_BACKENDS: "onnxruntime-cuda,wasm-simd",
      });
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("onnxruntime-cuda is unavailable: not in this bundle");
      const out = join(copy, "gpu-session-17");
      expect(readdirSync(out).sort()).toEqual(
        ["bench.txt", "doctor.txt", "report.html", "report.md", "results.json", "session.log"].sort(),
      );
      const { run: ran, cells } = parseResults(readFileSync(join(out, "results.json"), "utf8"));
      expect(ran.status).toBe("complete");
      expect(cells.filter(({ status }) => status === "ok").length).toBeGreaterThan(10);
      expect(readFileSync(join(out, "doctor.txt"), "utf8")).toMatch(/^wasm-simd +yes /m);
    });

    it("ends in time, with what was measured until then", { tags: "nightly" }, () => {
      const copy = copyParts();
      const started = Date.now();
      const { code, stderr } = runIsolated(["sh", "gpu-session.sh"], copy, {
        SESSION_SECONDS: "75",
        SESSION_BACKENDS: "onnxruntime-cpu,wasm-simd",
      });
      expect(Date.now() - started).toBeLessThan(75_000);
      expect([code, stderr]).toEqual([1, expect.stringContaining("bench exited with 130")]);
      const { run: ran, cells } = parseResults(
        readFileSync(join(copy, "gpu-session", "results.json"), "utf8"),
      );
      expect(ran.status).toBe("interrupted");
      expect(cells.filter(({ status }) => status === "ok").length).toBeGreaterThan(0);
    });

    it("says which part is damaged, and continues where only doctor fails", () => {
      const copy = copyParts();
      writeFileSync(join(copy, `${NAME}.001`), "damaged");
      const damaged = runIsolated(["sh", "gpu-session.sh"], copy);
      expect([damaged.code, damaged.stderr]).toEqual([
        2,
        expect.stringMatching(
          /a part is missing or damaged[\s\S]*expected a bundle, its archive or all of its parts/,
        ),
      ]);

      const other = openFolder();
      mkdirSync(join(other, "softmax-bench"));
      execFileSync("cp", [deployed("gpu-session.sh"), other]);
      // In the place of a bundle whose doctor crashes.
      const bench =
        'case $* in *--out*) mkdir -p "$out"; for f in results.json report.html report.md; do echo $f >"$out/$f"; done ;; esac';
      for (const [name, script] of [
        ["softmax-bench", "exit 3"],
        ["bench", `while [ "$1" != --out ]; do shift; done; out=$2/run; ${bench}`],
      ] as const) {
        writeFileSync(join(other, "softmax-bench", name), `#!/bin/sh\n${script}\n`);
        chmodSync(join(other, "softmax-bench", name), 0o755);
      }
      const { code, stderr } = runIsolated(["sh", "gpu-session.sh", ".", "out"], other);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/doctor failed[\s\S]*done in \d+ s/)]);
      expect(readFileSync(join(other, "out", "results.json"), "utf8")).toBe("results.json\n");
    });
  });

  it("is not replaced unless that is wanted", async () => {
    const { code, stderr } = await call("bundle", ["--backend", BACKENDS, "--out", archive]);
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

  it("says which platform native parts are for", async () => {
    const other = process.arch === "x64" ? "linux-arm64" : "linux-x64";
    const folder = temporaryFolder();
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
    const { code, stderr } = await call("bundle", args, { env: { SOFTMAX_BENCH_CACHE: cache } });
    expect([code, stderr]).toEqual([
      2,
      `bundle: --backend tfjs-node-gpu cannot be bundled for ${other} here: its native parts are those of ${process.platform}-${process.arch}; run this on ${other}\n`,
    ]);
    expect(readdirSync(folder)).toEqual([]);
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
      fileSizeLimit: 50_000,
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

  it("has no file of its name when it is killed, and the next one cleans up", async () => {
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

describe("the packages of a bundle", () => {
  /** Writes a package with dependencies, in the folder of another. */
  const write = (folder: string, version: string, dependencies: Readonly<Record<string, string>> = {}) => {
    mkdirSync(folder, { recursive: true });
    const name = folder.split("node_modules/").at(-1);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, dependencies }));
  };

  it("have each the versions that they were installed with", () => {
    // a 1 needs c 1 and b; b needs c 2, and d, which needs c 2; e needs c 1.
    const root = temporaryFolder();
    const at = (path: string) => join(root, path.replaceAll("/", "/node_modules/"));
    write(root, "1.0.0", { a: "*", e: "*" });
    write(at("/a"), "1.0.0", { b: "*", c: "1" });
    write(at("/c"), "1.0.0");
    write(at("/b"), "1.0.0", { c: "2", d: "*" });
    write(at("/b/c"), "2.0.0");
    write(at("/b/d"), "1.0.0", { c: "2" });
    write(at("/e"), "1.0.0", { c: "1" });
    const seen = (placed: ReturnType<typeof placePackages>, name: string) => {
      for (let from: typeof placed | undefined = placed; from; from = from.parent) {
        const found = from.children.get(name);
        if (found) return found;
      }
      throw new Error(`${placed.package.name} does not see ${name}`);
    };
    const placed = placePackages(new Set(), root);
    const [a, e] = [seen(placed, "a"), seen(placed, "e")];
    const b = seen(a, "b");
    expect([a, b, seen(b, "d"), e].map((from) => seen(from, "c").package.version)).toEqual([
      "1.0.0",
      "2.0.0",
      "2.0.0",
      "1.0.0",
    ]);
  });

  it("are all installed", () => {
    const root = temporaryFolder();
    write(root, "1.0.0", { missing: "*" });
    expect(() => placePackages(new Set(), root)).toThrow("needs missing, which is not installed");
  });
});

/** The oldest Debian that is tried: its C library is older than that of any other that is still in use. */
const DEBIAN = "bullseye";
const canMakeDebian = canUnshare && spawnSync("debootstrap", ["--version"], { stdio: "ignore" }).status === 0;

/** Starts a command as a user without rights, in a root folder, without a network. */
const IN_ROOT = `mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 99
exec chroot --userspec=65534:65534 "$0" env -i PATH=/usr/bin:/bin HOME=/nonexistent sh -c 'cd /tmp && exec "$@"' sh "$@"`;

describe("a bundle on another system", { tags: "nightly" }, () => {
  it.runIf(canMakeDebian)("measures on a Debian 11 that has nothing but what every Debian has", async () => {
    const folder = temporaryFolder();
    const [archive, root] = [join(folder, "bundle.tar.gz"), join(folder, "root")];
    const { code, stderr } = await call("bundle", ["--backend", BACKENDS, "--node", "24", "--out", archive]);
    expect(code, stderr).toBe(0);
    execFileSync("debootstrap", ["--variant=minbase", DEBIAN, root], { stdio: "ignore" });
    execFileSync("tar", ["xzf", archive, "-C", join(root, "opt")]);
    const args = ["/opt/softmax-bench/bench", "--profile", "smoke", "--workload", "16x10"];
    const namespaces = ["--net", "--mount", "--pid", "--fork"];
    const ended = await spawned(["unshare", ...namespaces, "sh", "-c", IN_ROOT, root, ...args], {}).ended;
    expect(ended.code, ended.stderr).toBe(0);
    const { backends, cells } = onlyRun(join(root, "tmp", "bench-results")).results();
    expect(backends.map(({ id, status }) => [id, status])).toEqual([
      ["onnxruntime-cpu", "available"],
      ["wasm-simd", "available"],
    ]);
    expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
  });
});

describe("a bundle for another platform", { tags: "nightly" }, () => {
  /** The machine that a program is for, by its ELF header. */
  const machineOf = (file: string): number => {
    const header = readFileSync(file).subarray(0, 20);
    expect(header.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    return header.readUInt16LE(18);
  };
  const MACHINES = { "linux-x64": 62, "linux-arm64": 183 };

  it.each(Object.entries(MACHINES))(
    "has programs for %s only, in at most 60 MB with Node 24",
    async (platform, machine) => {
      const folder = temporaryFolder();
      const archive = join(folder, "bundle.tar.zst");
      const args = ["--backend", BACKENDS, "--platform", platform, "--node", "24", "--out", archive];
      const { code, stderr } = await call("bundle", args);
      expect(code, stderr).toBe(0);
      expect(readFileSync(archive).length).toBeLessThanOrEqual(MOST_BYTES);
      execFileSync("tar", ["xf", archive, "-C", folder]);
      const programs = list(join(folder, "softmax-bench")).filter((file) =>
        /\.node$|\.so(?:\.\d+)*$|\/bin\/node$|\.dll$|\.dylib$/.test(file),
      );
      expect(programs.length).toBeGreaterThanOrEqual(3);
      for (const file of programs) {
        expect(machineOf(join(folder, "softmax-bench", file)), file).toBe(machine);
      }
    },
  );

  it("works with gzip, and with every backend that packages bring", async () => {
    const folder = temporaryFolder();
    const archive = join(folder, "bundle.tar.gz");
    const ids = ["tfjs-wasm", "tfjs-cpu", "onnxruntime-web", "jax-js", "wasm-simd", "onnxruntime-cpu"];
    const { code, stderr } = await call("bundle", ["--backend", ids.join(), "--out", archive]);
    expect(code, stderr).toBe(0);
    chmodSync(folder, 0o755);
    execFileSync("tar", ["xzf", archive, "-C", folder]);
    const cwd = openFolder();
    const bench = join(folder, "softmax-bench", "bench");
    const ended = runIsolated([bench, "--profile", "smoke", "--workload", "2x2"], cwd);
    expect(ended.code, ended.stderr).toBe(0);
    const { backends, cells } = onlyRun(join(cwd, "bench-results")).results();
    expect(backends.map(({ id, status }) => [id, status]).sort()).toEqual(
      ids.map((id) => [id, "available"]).sort(),
    );
    expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
  });
});
