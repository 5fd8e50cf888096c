import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GRAPH_METHODS, METHODS } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import {
  COMMAND_IDS,
  DEFINITIONS,
  FIRST_WORDS,
  FORMER_NAMES,
  findCommand,
} from "../dist/cli/commands/index.js";
import { VERSION } from "../dist/run/machine/environment.js";
import { TINY_CELLS, withFault } from "./faults/support.js";
import { bench, call, MAIN, onlyRun, spawned, start, temporaryFolder } from "./support/cli.js";

const SMALL = ["--profile", "smoke", "--workload", "4x3", "--threads", "1"];

describe("a run", () => {
  it("has a cell for every backend, method, dtype and workload, and a reason for each that did not run", async () => {
    const out = temporaryFolder();
    const { code, stdout } = await bench([...SMALL, "--backend", "tfjs-wasm,onnxruntime-cpu", "--out", out]);
    const run = onlyRun(out);
    const { cells, backends, distances, run: record } = run.results();

    expect(code).toBe(0);
    expect(record.status).toBe("complete");
    expect(backends.map(({ id, status }) => `${id} ${status}`)).toEqual([
      "tfjs-wasm available",
      "onnxruntime-cpu available",
    ]);
    expect(cells).toHaveLength(2 * METHODS.length * 2 * 1);
    for (const cell of cells) {
      if (cell.status === "ok") {
        expect(Object.keys(cell.timing ?? {}).sort()).toEqual([
          "forward",
          "gradient",
          "readback",
          "roundtrip",
        ]);
        expect(cell.accuracy?.gradient.relL2).toBeLessThan(cell.dtype === "float32" ? 1e-5 : 1e-14);
      } else {
        expect(cell.status).toBe("unsupported");
        if (cell.method === "manual/two-pass") expect(cell.reason).toMatch(/float64|has no graph/);
        else {
          expect(cell).toMatchObject({ backend: "tfjs-wasm", dtype: "float64" });
          expect(cell.reason).toMatch(/float64/);
        }
      }
    }
    expect(distances).toHaveLength(3 * 5);
    expect(distances.every(({ speedup }) => speedup && speedup > 0)).toBe(true);
    expect(stdout).toContain("4x3");
    expect(readFileSync(join(run.path, "report.md"), "utf8")).toContain("manual/exact-target");
  });

  it("writes results to stdout with --json, and nothing else there", async () => {
    const out = temporaryFolder();
    const args = ["--backend", "onnxruntime-cpu", "--method", "manual/*", "--dtype", "float64", "--json"];
    const { code, stdout } = await call("bench", [...SMALL, ...args, "--out", out]);
    expect(code).toBe(0);
    expect(parseResults(stdout).cells.map(({ method }) => method)).toEqual(
      expect.arrayContaining(METHODS.filter(({ kind }) => kind === "manual").map(({ id }) => id)),
    );
  });

  it("is reproducible: the same seed gives the same gradients, another one others", {
    tags: "nightly",
  }, async () => {
    const digests = async (seed: string) => {
      const two = ["--backend", "jax-js", "--dtype", "float32", "--method", "*/naive"];
      const args = [...SMALL, ...two, "--seed", seed, "--json"];
      const { stdout } = await call("bench", [...args, "--out", temporaryFolder()]);
      return parseResults(stdout).cells.map(({ gradientDigest }) => gradientDigest);
    };
    const [first, again, other] = [await digests("1"), await digests("1"), await digests("2")];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("counts non-finite gradients as a result, not as an error", async () => {
    const out = temporaryFolder();
    const { code } = await call("bench", [...TINY_CELLS, "--method", "manual/naive", "--out", out], {
      env: withFault("large logits"),
    });
    expect(code).toBe(0);
    // e^1000 is Infinity in float32, and Infinity/Infinity NaN, in each of 2×2 entries.
    expect(onlyRun(out).results().cells).toMatchObject([
      {
        method: "manual/naive",
        status: "ok",
        loss: Number.NaN,
        accuracy: { gradient: { nonFinite: 4, relL2: Number.POSITIVE_INFINITY } },
      },
    ]);
  });

  it("runs on the smallest workload", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const { code } = await call("bench", [
      "--profile",
      "smoke",
      "--workload",
      "1x1",
      "--no-provision",
      "--out",
      out,
    ]);
    const { cells } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(new Set(cells.map(({ status }) => status))).toEqual(new Set(["ok", "unsupported"]));
    const counts = cells.flatMap(({ accuracy }) => accuracy?.gradient.nonFinite ?? []);
    expect(new Set(counts)).toEqual(new Set([0]));
  });
});

describe("bench.config.ts", () => {
  const withConfig = (text: string) => {
    const folder = temporaryFolder(fileURLToPath(new URL("..", import.meta.url)));
    writeFileSync(join(folder, "bench.config.ts"), text);
    return folder;
  };

  it("sets what flags set; flags win", async () => {
    const cwd = withConfig(`
      import { defineConfig } from "@softmax-bench/runner";
      export default defineConfig({ backends: ["tfjs-wasm"], methods: ["manual/*"], workloads: ["7x3"] });
    `);
    const { stdout } = await call("bench", ["--list", "--method", "autograd/naive"], { cwd });
    expect(stdout).toBe("tfjs-wasm autograd/naive float32 7x3\n");
  });

  it.each([
    ['export default { profle: "smoke" }', /^bench: bench\.config\.ts: .*profle/],
    ["export default { seed: -1 }", /^bench: bench\.config\.ts: seed: /],
    ["export default {", /^bench: bench\.config\.ts does not load: /],
  ])("is refused, naming the problem: %s", async (text, message) => {
    const { code, stderr } = await call("bench", ["--list"], { cwd: withConfig(text) });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("--list", () => {
  it("prints the cells that would run, and runs nothing", async () => {
    const out = temporaryFolder();
    const args = ["--list", "--backend", "tfjs-wasm,onnxruntime-cpu", "--out", out];
    const { code, stdout, stderr } = await call("bench", args);
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(4 * GRAPH_METHODS.length * 3);
    const [cells, others] = [
      4 * GRAPH_METHODS.length * 3,
      4 * (4 * METHODS.length - 3 * GRAPH_METHODS.length),
    ];
    expect(stderr).toBe(`${cells} cells; ${others} more would be recorded as unsupported\n`);
    expect(() => onlyRun(out)).toThrow();
  });

  it("leaves out methods that a backend does not have", async () => {
    const { stdout, stderr } = await call("bench", [
      "--list",
      ...SMALL,
      "--backend",
      "wasm-simd",
      "--dtype",
      "float32",
    ]);
    expect(stdout.trim().split("\n")).toEqual(
      ["manual/two-pass", "manual/shifted", "manual/exact-target", "manual/fused"].map(
        (method) => `wasm-simd ${method} float32 4x3`,
      ),
    );
    expect(stderr).toBe("4 cells; 7 more would be recorded as unsupported\n");
  });

  it("has half precision where it is named", async () => {
    const cells = async (...dtype: string[]) => {
      const { stdout } = await call("bench", ["--list", "--backend", "onnxruntime-cpu", ...dtype]);
      return new Set(
        stdout
          .trim()
          .split("\n")
          .map((cell) => cell.split(" ")[2]),
      );
    };
    expect(await cells()).toEqual(new Set(["float32", "float64"]));
    expect(await cells("--dtype", "bfloat16,float16")).toEqual(new Set(["float16"]));
  });
});

describe("bad input", () => {
  it.each([
    [["--backend", "tfjs-wsm"], /unknown backend "tfjs-wsm": closest are tfjs-wasm/],
    [["--method", "manual/navie"], /unknown method "manual\/navie": closest are manual\/naive/],
    [["--dtype", "float23"], /unknown dtype "float23": closest are float32/],
    [["--workload", "sed-3200"], /unknown workload "sed-3200": closest are seed-3200.*64x1000/],
    [["--workload", "0x5"], /workload 0x5: expected 1 to/],
    [["--workload", "99999x99999"], /expected 1 to \d+ elements/],
    [
      ["--backend", "quantum"],
      /unknown backend "quantum": there are tfjs-wasm, tfjs-node-gpu, .*, jax-js, .*, pytorch, jax$/m,
    ],
    [
      ["--workload", "banana"],
      /unknown workload "banana": there are seed-3200, .*, or a shape such as 64x1000/,
    ],
    [["--profile", "smok"], /unknown profile "smok": closest are smoke/],
    [["--seed", "-1"], /--seed takes a whole number, got "-1"/],
    [["--threads", "0"], /threads: /],
    [["--threads", "two"], /--threads takes a whole number, got "two"/],
    [["--backend", "tfjs-wasm", "--dtype", "float64"], /leaves nothing to run: tfjs-wasm has only float32/],
    [["--resume", "nowhere"], /no run "nowhere" in /],
    [["--resume", "../../etc"], /no run "\.\.\/\.\.\/etc"/],
    [["--resume", "x", "--seed", "2"], /--resume continues a run as it was started; leave out its seed/],
    [["--bakend", "tfjs-wasm"], /unknown option '--bakend'/],
    [["extra"], /too many arguments/],
  ])("%j exits 2 with one line", async (args, message) => {
    const { code, stdout, stderr } = await call("bench", args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it.each([
    [["--out", "/dev/null/runs"], /cannot write to --out \/dev\/null\/runs: /],
    [["--profile", "smok"], /unknown profile "smok": closest are smoke/],
  ])("%j exits 2 with one line, as a process of its own", async (args, message) => {
    const { code, stdout, stderr } = await bench(args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("is found before the schema library is loaded, which takes longer than to print a line", async () => {
    const file = join(temporaryFolder(), "without-zod.mjs");
    const hooks = `export const resolve = (name, context, next) => {
      if (name === "zod") throw new Error("zod is loaded");
      return next(name, context);
    };`;
    const hooksUrl = `data:text/javascript,${encodeURIComponent(hooks)}`;
    writeFileSync(file, `import { register } from "node:module"; register(${JSON.stringify(hooksUrl)});`);
    const env = { NODE_OPTIONS: `--import=${file}` };
    expect((await bench(["--list"], { env })).stderr).toContain("zod is loaded");
    expect((await bench(["--bakend", "tfjs-wasm"], { env })).stderr).toMatch(
      /^bench: unknown option '--bakend'/,
    );
    expect((await start(["--help"], { env }).ended).stdout).toMatch(/^Usage: softmax-bench /);
  });

  it("exits 1 with each backend's reason and remedy when none is available", async () => {
    const out = temporaryFolder();
    const { code, stderr } = await bench([...SMALL, "--backend", "tfjs-wasm", "--out", out], {
      env: { NODE_OPTIONS: "--jitless" },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "no backend is available\ntfjs-wasm: this Node has no WebAssembly (run Node without",
    );
    expect(onlyRun(out).results().backends[0]).toMatchObject({ status: "unavailable" });
  });

  it("collects its garbage at once, not in steps beside what is measured", { tags: "nightly" }, async () => {
    const cells = ["--profile", "smoke", "--workload", "256x1000,512x1000", "--out", temporaryFolder()];
    const args = ["--trace-gc", MAIN, "bench", "--backend", "wasm-simd", ...cells];
    const { stdout } = await spawned([process.execPath, ...args], {}).ended;
    const collections = stdout.split("\n").filter((line) => line.includes("Mark-Compact"));
    // The first is of the start.
    expect(collections.at(0)).toContain("steps since start of marking");
    expect(collections.at(-1)).not.toContain("steps since start of marking");
  });

  it("goes on where nobody reads what it says", async () => {
    const pipe = `set -o pipefail; "$0" "$1" bench --list 2>/dev/null | head -1 >/dev/null`;
    const { code, stderr } = await spawned(["bash", "-c", pipe, process.execPath, MAIN], {}).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("--help without a command has a line for each", async () => {
    const { code, stdout, stderr } = await start(["--help"]).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const word of FIRST_WORDS) expect(stdout).toMatch(new RegExp(`^  ${word} +[a-z]`, "m"));
    for (const name of Object.keys(FORMER_NAMES)) expect(stdout).not.toMatch(new RegExp(`^  ${name} `, "m"));
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it.each([
    [["study", "--help"], 0],
    [["study"], 2],
  ] as const)("lists the studies: %j", async (args, code) => {
    const ended = await start(args).ended;
    const printed = code === 0 ? ended.stdout : ended.stderr;
    expect(ended.code).toBe(code);
    for (const study of ["precision", "depth", "scaling", "limit"]) {
      expect(printed).toMatch(new RegExp(`^  ${study} +[a-z]`, "m"));
    }
  });

  it("has the names of before, as commands and as scripts of a clone", () => {
    const scripts = JSON.parse(
      readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
    ).scripts;
    for (const [name, id] of Object.entries(FORMER_NAMES)) {
      expect(findCommand([name, "--json"])).toEqual({ id, name, argv: ["--json"] });
      expect(scripts).toHaveProperty([name.replace("-", ":")], expect.stringMatching(`main.js ${name}$`));
    }
    expect(findCommand(["provision", "x"])).toMatchObject({ id: "provision", argv: ["x"] });
    expect(findCommand(["report", "merge", "a"])).toEqual({
      id: "report merge",
      name: "report merge",
      argv: ["a"],
    });
    expect(findCommand(["bench", ""])).toMatchObject({ argv: [""] });
    const scriptless = FIRST_WORDS.filter((word) => word !== "completion");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(scriptless));
  });

  it("--version prints the version", async () => {
    expect(await start(["--version"]).ended).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it.each([
    ["bnech", /^unknown command "bnech": closest are bench/],
    ["constructor", /^unknown command "constructor": /],
    ["", /^unknown command "": there are bench, /],
    ["study precison", /^unknown command "study precison": closest are study precision/],
  ])("is wrong usage with the command %j", async (name, problem) => {
    expect(await start(name.split(" ")).ended).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(problem),
    });
  });

  it("--help explains every option with an example", async () => {
    const { code, stdout } = await bench(["--help"]);
    expect(code).toBe(0);
    for (const option of ["profile", "backend", "method", "dtype", "workload", "out", "seed", "threads"]) {
      expect(stdout.replaceAll(/\s+/g, " ")).toMatch(new RegExp(`e\\.g\\. --${option} `));
    }
  });
});

describe("completion in a shell", () => {
  const complete = async (...words: string[]) => {
    const { stdout, stderr } = await start(["complete", "--", ...words]).ended;
    expect(stderr).toBe("");
    return stdout.split("\n").flatMap((line) => (/^:\d+$/.test(line) ? [] : (line.split("\t")[0] ?? [])));
  };

  it.each(["bash", "zsh", "fish"])("comes with a script for %s, which asks the program", async (shell) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "softmax-bench"), "");
    const PATH = `${folder}:${process.env.PATH}`;
    const { code, stdout } = await start(["completion", shell], { env: { PATH } }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain("softmax-bench complete -- ");
  });

  it("is refused where shells do not find the program, even if npm does", async () => {
    const folder = join(temporaryFolder(), "node_modules", ".bin");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "softmax-bench"), "");
    expect(await start(["completion", "bash"], { env: { PATH: folder } }).ended).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "completion: shells complete commands on PATH, and softmax-bench is not there: pnpm starts that of a clone; run npm install --global softmax-bench\n",
    });
  });

  it.each(COMMAND_IDS)("finds the options of %s", async (id) => {
    const { command } = await DEFINITIONS[id]();
    expect(command().name()).toBe(id);
  });

  it("knows commands, options, and values that are known beforehand", async () => {
    expect(await complete("st")).toEqual(["study", ""]);
    expect(await complete("report", "")).toEqual(["merge", "history", ""]);
    expect(await complete("study", "precision", "--sweep", "off")).toEqual(["offset", ""]);
    expect(await complete("gradcheck", "--backend", "wasm")).toEqual(["wasm-simd", ""]);
    expect(await complete("bundle", "--cuda")).toEqual(["--cuda-libraries", ""]);
  });

  it("refuses other shells in one line", async () => {
    const { code, stderr } = await start(["completion", "tcsh"]).ended;
    expect([code, stderr]).toEqual([
      2,
      "completion: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n",
    ]);
  });
});
