import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../dist/plan/config.js";
import { bench, call, onlyRun, run, temporaryFolder } from "./support/cli.js";
import { examine } from "./support/doctor.js";

/** Backends from outside this repository. `make` has no gradient but 0, and is right about nothing. */
const MAKE = `
  import { syncBackend, Unavailable } from "@softmax-bench/core";
  const make = (id, change = {}, compute = () => 1) => ({
    ...syncBackend({ id, version: "1.0", dtypes: ["float32"], methods: { "manual/shifted": compute } }),
    ...change,
  });
`;

/** A folder outside every package of this repository, but where they are found, with a config and other files. */
function folderWith(config: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder(fileURLToPath(new URL("..", import.meta.url)));
  for (const [name, text] of Object.entries({ ...files, "bench.config.ts": config })) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const MINE = `${MAKE} export const mine = make("mine"); export const other = make("other", { cost: { nsPerElement: 5 } });`;
const SMALL = ["--profile", "smoke", "--workload", "4x3", "--method", "manual/shifted", "--dtype", "float32"];
const list = (cwd: string, ...args: string[]) => call("bench", ["--list", ...SMALL, ...args], { cwd });

describe("the backends of a bench.config.ts", () => {
  it.each([
    ["an object", `import { mine } from "./mine.js"; export default { backends: [mine] };`, ["mine"]],
    [
      "an object, its module, and a backend that is always there",
      `import { mine } from "./mine.js"; export default { backends: [mine, "./mine.js", "wasm-simd"] };`,
      ["wasm-simd", "mine", "other"],
    ],
    [
      "TypeScript, and all",
      `import { defineConfig } from "@softmax-bench/runner";
       export default defineConfig({ backends: ["all", "./typed.ts"] });`,
      [
        ...["tfjs-wasm", "tfjs-node-gpu", "tfjs-cpu", "onnxruntime-cpu", "onnxruntime-cuda"],
        ...["onnxruntime-webgpu", "onnxruntime-web", "jax-js", "wasm-simd", "typed"],
      ],
    ],
  ])("are %s", async (_, config, backends) => {
    const typed = `${MAKE} const id: string = "typed"; export default make(id);`;
    const { code, stdout } = await list(folderWith(config, { "mine.js": MINE, "typed.ts": typed }));
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toEqual(backends.map((id) => `${id} manual/shifted float32 4x3`));
  });

  it("may be named where no package is installed", async () => {
    const cwd = temporaryFolder();
    const config = `import { defineConfig } from "@softmax-bench/runner"; export default defineConfig({ backends: ["wasm-simd"] });`;
    writeFileSync(join(cwd, "bench.config.ts"), config);
    expect((await list(cwd)).stdout).toBe("wasm-simd manual/shifted float32 4x3\n");
  });

  it("are known to --backend and to its errors, and flags win", async () => {
    const cwd = folderWith(`export default { backends: ["./mine.js"] };`, { "mine.js": MINE });
    const { stdout } = await list(cwd, "--backend", "other,wasm-simd");
    expect(stdout).toBe("wasm-simd manual/shifted float32 4x3\nother manual/shifted float32 4x3\n");
    const { code, stderr } = await list(cwd, "--backend", "mime");
    expect([code, stderr]).toEqual([2, 'bench: unknown backend "mime": closest are mine\n']);
  });

  it("are examined, checked, swept and scaled", { tags: "nightly" }, async () => {
    const cwd = folderWith(`export default { backends: ["./mine.js"] };`, { "mine.js": MINE });
    expect(await examine("mine", { cwd })).toMatchObject({
      status: "available",
      engine: { name: "mine", version: "1.0" },
    });
    const checked = await call("gradcheck", ["--backend", "mine", "--method", "manual/shifted"], { cwd });
    expect(checked.code).toBe(1);
    expect(checked.stdout).toMatch(/^float32 +mine +manual\/shifted .* FAILS$/m);
    expect(checked.stdout).toMatch(/^ +mine float32, manual\/shifted: unsupported, .* plain loss only/m);
    const swept = await call("precision", ["--backend", "mine", "--sweep", "offset", "--json"], { cwd });
    expect(swept.code).toBe(0);
    expect(JSON.parse(swept.stdout).precision.curves).toContainEqual(
      expect.objectContaining({ backend: "mine", method: "manual/shifted", status: "ok" }),
    );
    const shapes = ["--rows", "1,8,64", "--classes", "2,16,128", "--threads", "1"];
    const scaled = await call(
      "scaling",
      ["--backend", "mine", "--method", "manual/shifted", ...shapes, "--json"],
      { cwd },
    );
    expect(scaled.code).toBe(0);
    expect(JSON.parse(scaled.stdout).scaling.series).toMatchObject([{ backend: "mine", status: "ok" }]);
  });

  it("are needed to continue a run of theirs, and not to compare, merge and report its results", {
    tags: "nightly",
  }, async () => {
    const cwd = folderWith(`export default { backends: ["./mine.js"] };`, { "mine.js": MINE });
    for (const shard of ["1/2", "2/2"]) {
      expect((await bench([...SMALL, "--shard", shard, "--out", shard[0] as string], { cwd })).code).toBe(0);
    }
    rmSync(join(cwd, "bench.config.ts"));
    const [one, two] = ["1", "2"].map((out) => onlyRun(join(cwd, out)).path) as [string, string];
    expect((await run("merge", [one, two, "--out", "merged"], { cwd })).code).toBe(0);
    const { path, results } = onlyRun(join(cwd, "merged"));
    expect(results().cells.map(({ backend }) => backend)).toEqual(["mine", "other"]);
    expect((await run("compare", [path, path], { cwd })).code).toBe(0);
    expect((await run("report", [path], { cwd })).code).toBe(0);

    const { code, stderr } = await bench(["--resume", onlyRun(join(cwd, "1")).id, "--out", "1"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/measures "mine", and there are tfjs-wasm, .* bench\.config\.ts brings/);
  });
});

describe("a bench.config.ts whose backends are wrong", () => {
  const files = {
    "mine.js": MINE,
    "empty.js": "export const a = 1;",
    "throws.js": 'throw new Error("boom\\nand more");',
    "syntax.js": "export const a = ;",
  };
  const changed = (members: string) =>
    `import { mine } from "./mine.js"; export default { backends: [{ ...mine, ${members} }] };`;
  const TAKES =
    'id: expected letters, digits and any of _ . + - /, beginning with a letter or a digit, and not "all"';

  it.each([
    [
      `export default { backends: ["./nope.js"] };`,
      'backends[0]: expected a module, and there is no "./nope.js"',
    ],
    [
      `export default { backends: ["tfjs-wsm"] };`,
      'backends[0]: unknown backend "tfjs-wsm": closest are tfjs-wasm, tfjs-cpu, tfjs-webgl; nor is a package of that name installed',
    ],
    [
      `export default { backends: ["wasm-simd", "./empty.js"] };`,
      'backends[1]: expected "./empty.js" to export a Backend, got a',
    ],
    [
      `export default { backends: ["node:fs"] };`,
      /^backends\[0\]: expected "node:fs" to export a Backend, got (?:\w+, ){8}…$/,
    ],
    [
      `export default { backends: ["./throws.js"] };`,
      /^backends\[0\]: "\.\/throws\.js" does not load: boom; thrown at \/.*throws\.js:1:\d+$/,
    ],
    [
      `export default { backends: ["./syntax.js"] };`,
      /^backends\[0\]: "\.\/syntax\.js" does not load: \w.*$/,
    ],
    [`export default { backends: [null] };`, "backends[0]: expected an id, a Backend or a module, got null"],
    [
      `export default { backends: [() => 1] };`,
      "backends[0]: expected an id, a Backend or a module, got a function",
    ],
    [`export default { backends: [] };`, "backends: expected at least 1 entry, got []"],
    [`export default { backends: "mine" };`, 'backends: expected a list, got "mine"'],
    [
      changed(`id: "wasm-simd"`),
      'backends[0]: id: expected one that is not taken, got "wasm-simd"; choose another',
    ],
    [
      `import { mine } from "./mine.js"; export default { backends: [mine, { ...mine }] };`,
      'backends[1]: id: expected each once, got "mine" again; choose another',
    ],
    [changed(`id: "../mine"`), `backends[0]: ${TAKES}, got "../mine"; see Backend in @softmax-bench/core`],
    [changed(`id: "a b"`), `backends[0]: ${TAKES}, got "a b"; see Backend in @softmax-bench/core`],
    [changed(`id: "all"`), `backends[0]: ${TAKES}, got "all"; see Backend in @softmax-bench/core`],
    [changed("id: 5n"), 'backends[0]: id: expected text, got "5"; see Backend in @softmax-bench/core'],
    [
      changed("open: undefined"),
      "backends[0]: open: expected a function, got nothing; see Backend in @softmax-bench/core",
    ],
    [
      changed(`dtypes: ["float8"]`),
      'backends[0]: dtypes[0]: expected "float32", "float64", "float16" or "bfloat16", got "float8"; see Backend in @softmax-bench/core',
    ],
    [
      changed(`methods: ["manual/mine"]`),
      /^backends\[0\]: methods\[0\]: expected "autograd\/naive", .*, got "manual\/mine"/,
    ],
    [
      changed(`get dtypes() { throw new Error("no") }`),
      "backends[0]: expected members that can be read, got no; see Backend in @softmax-bench/core",
    ],
  ])("is refused in one line: %s", async (config, message) => {
    const error = await loadConfig(folderWith(config, files)).then(String, ({ message: text }) => text);
    expect(error).toMatch(/^bench\.config\.ts: .*$/);
    const rest = error.replace("bench.config.ts: ", "");
    if (typeof message === "string") expect(rest).toBe(message);
    else expect(rest).toMatch(message);
  });

  it("is wrong usage of every command that needs backends, and no matter to the others", async () => {
    const cwd = folderWith(`import "./throws.js"; export default {};`, files);
    const expected = /^\w+: bench\.config\.ts does not load: boom; thrown at \S+\n$/;
    for (const command of ["precision", "doctor"]) {
      const { code, stderr } = await call(command, [], { cwd });
      expect(stderr).toMatch(expected);
      expect(code).toBe(2);
    }
    expect((await call("bench", ["--help"], { cwd })).code).toBe(0);
    expect((await call("report", ["nothing"], { cwd })).stderr).not.toContain("bench.config.ts");
  });

  it("may use names that every object of JavaScript has", async () => {
    const ids = `${MAKE} export default { backends: ["__proto__", "constructor"].map((id) => make(id)) };`;
    const { stdout } = await list(folderWith(ids));
    expect(stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["__proto__", "constructor", ""]);
  });
});

describe("examples/own-backend", () => {
  it("is measured, with the error that its README lets expect", async () => {
    const cwd = temporaryFolder(fileURLToPath(new URL("..", import.meta.url)));
    cpSync(fileURLToPath(new URL("../../../examples/own-backend", import.meta.url)), cwd, {
      recursive: true,
    });
    const args = ["--profile", "smoke", "--backend", "my-backend,wasm-simd", "--workload", "cifar-head-16"];
    const { code, stderr } = await call("bench", [...args, "--no-provision", "--out", join(cwd, "runs")], {
      cwd,
    });
    expect(code, stderr).toBe(0);
    const { cells } = onlyRun(join(cwd, "runs")).results();
    const mine = cells.filter(({ backend, status }) => backend === "my-backend" && status === "ok");
    expect(mine.map(({ method, dtype }) => `${method} ${dtype}`).sort()).toEqual([
      "manual/shifted float32",
      "manual/shifted float64",
    ]);
    for (const { accuracy, dtype } of mine) {
      // Its arithmetic is in doubles.
      expect(accuracy?.gradient.relL2).toBeLessThan(dtype === "float32" ? 2 ** -24 : 2 ** -50);
    }
  });
});

describe("a backend from elsewhere that breaks", () => {
  const FAULTY = `${MAKE}
    let calls = 0;
    const later = (action) => () => (calls++ > 0 ? action() : 1);
    export const fine = make("fine");
    export const throwsInOpen = make("throws-in-open", { open() { throw new Error("no device"); } });
    export const lacks = make("lacks", { async open() { throw new Unavailable("no licence", "buy one"); } });
    export const opensNothing = make("opens-nothing", { async open() {} });
    export const environment = make("environment", { async environment() { throw new Error("no home"); } });
    export const throws = make("throws", {}, later(() => { throw new Error("kaboom"); }));
    export const exits = make("exits", {}, later(() => process.exit(3)));
    export const killed = make("killed", {}, later(() => process.kill(process.pid, "SIGKILL")));
    export const hangs = make("hangs", {}, later(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)));
    export const many = make("many", {}, later(() => [1, 2, 3]));
  `;

  it("costs its own cells, each with a reason", async () => {
    const out = temporaryFolder();
    const cwd = folderWith(`export default { backends: ["./faulty.js"] };`, { "faulty.js": FAULTY });
    const { code, stderr } = await bench([...SMALL, "--out", out], { cwd });
    expect(code).toBe(1);
    const { cells, backends } = onlyRun(out).results();
    const outcomes = Object.fromEntries(
      cells.map(({ backend, status, reason }) => [backend, [status, reason]]),
    );
    expect(outcomes).toEqual({
      fine: ["ok", undefined],
      "throws-in-open": ["unsupported", "throws-in-open is unavailable: no device"],
      lacks: ["unsupported", "lacks is unavailable: no licence"],
      "opens-nothing": [
        "unsupported",
        "opens-nothing is unavailable: open: expected an engine with info, got nothing",
      ],
      environment: ["unsupported", "environment is unavailable: no home"],
      throws: ["failed", "kaboom"],
      exits: ["crashed", "the worker exited with code 3"],
      killed: ["crashed", "the worker was killed by SIGKILL"],
      hangs: ["timeout", "no result after 10 s"],
      many: ["failed", "manual/shifted: expected it to return 1 loss, got 3 losses"],
    });
    const remedies = new Map(backends.map(({ id, remedy }) => [id, remedy]));
    expect(remedies.get("throws-in-open")).toMatch(/^repair what throws it: \/.*faulty\.js:\d+:\d+$/);
    expect(remedies.get("lacks")).toBe("buy one");
    expect(remedies.get("opens-nothing")).toBe("mend the backend: see Backend in @softmax-bench/core");
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});
