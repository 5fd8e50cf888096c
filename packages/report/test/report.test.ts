import type { Results } from "@softmax-bench/core";
import { formatResults, parseResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { renderSummary, reportView } from "../src/index.js";
import {
  absent,
  backend,
  distance,
  linesWith,
  markdownOf,
  measured,
  RESOLUTION,
  resultsOf,
  terminalOf,
  withCells,
} from "./support/results.js";

const OUTPUTS = [
  ["terminal", terminalOf],
  ["Markdown", (results: Results) => markdownOf(results).replaceAll("\\", "").replaceAll("&#8203;", "")],
] as const;

describe("cells that did not run", () => {
  const cells = ["naive", "stable", "fused"].map((method) =>
    absent(method, "unsupported", "no float32 here"),
  );

  it("are gathered by reason in the terminal", () => {
    expect(linesWith(terminalOf(withCells(...cells)), "no float32 here")).toEqual([
      "node float32, 3 methods: unsupported, no float32 here",
    ]);
  });

  it("are named in the terminal where they are alone with their reason", () => {
    expect(terminalOf(withCells(absent("fused", "timeout", "60 s passed")))).toContain(
      "node float32, fused: timeout, 60 s passed",
    );
  });

  it("are kept apart by backend, dtype, status and reason", () => {
    const [first = absent("naive", "failed", "r")] = cells;
    const results = withCells(
      first,
      { ...first, backend: "wasm" },
      { ...first, dtype: "float64" },
      { ...first, status: "failed" },
      { ...first, reason: "another" },
    );
    expect(linesWith(terminalOf(results), ", naive: ")).toHaveLength(5);
  });

  it("have a row each in Markdown", () => {
    const rows = linesWith(markdownOf(withCells(...cells)), "| unsupported | no float32 here |");
    expect(rows.map((row) => row.split(" | ")[2])).toEqual(["naive", "stable", "fused"]);
  });

  it("are never lost, even where a cell is ok without the measurements of a row", () => {
    const { timing: _, ...untimed } = measured("untimed");
    const { accuracy: __, ...unchecked } = measured("unchecked");
    const results = withCells(untimed, unchecked, measured("whole"), absent("gone", "crashed", "SIGKILL"));
    expect(reportView(results).workloads[0]?.absent.map(({ method, reason }) => [method, reason])).toEqual([
      ["untimed", "no gradient time recorded"],
      ["unchecked", "no accuracy recorded"],
      ["gone", "SIGKILL"],
    ]);
    for (const [, render] of OUTPUTS)
      for (const name of ["untimed", "unchecked", "whole", "gone"]) expect(render(results)).toContain(name);
  });
});

describe("distances", () => {
  it.each(OUTPUTS)("stand in a table of their own (%s)", (_, render) => {
    const cells = [measured("manual/stable", { us: 40 }), measured("autograd/stable", { us: 100 })];
    const output = render(resultsOf({ cells, distances: [distance()] }));
    expect(output).toContain("By hand against automatic");
    const row = linesWith(output, "manual/stable").find((line) => line.includes("autograd/stable"));
    expect(row?.replaceAll(" |", "")).toContain(
      "float32 node manual/stable autograd/stable 1.3e-5 4.0e-8 12 2.50×",
    );
  });

  it.each([
    ["a tie, by the resolution of the two times", 100, 101, {}, "= 1.01×"],
    ["a slowdown", 300, 100, {}, "3.00× slowdown"],
    ["times that had not settled", 100, 150, { steadiness: "unsettled" }, "1.50×, unsettled"],
    ["times of too few samples to tell", 100, 150, { steadiness: "untested" }, "1.50×, untested"],
    ["times of one process, which are known less well", 100, 110, { scope: "process", n: 9 }, "= 1.10×"],
  ] as const)("show a speed-up that is %s", (_, byHand, automatic, time, shown) => {
    const cells = [
      measured("manual/stable", { us: byHand, time }),
      measured("autograd/stable", { us: automatic }),
    ];
    const [group] = RESOLUTION.groups as [(typeof RESOLUTION)["groups"][number]];
    const byProcesses = [{ processes: 1, ratio: 0.3 }];
    const results = resultsOf({
      cells,
      distances: [distance({ speedup: automatic / byHand })],
      resolution: { groups: [{ ...group, byProcesses }], identicalPairs: [] },
    });
    expect(markdownOf(results)).toContain(`| ${shown} |`);
  });

  it("leave the speed-up empty where a time is missing", () => {
    const { speedup: _, ...record } = distance();
    const output = markdownOf(resultsOf({ cells: [measured("a")], distances: [record] }));
    expect(linesWith(output, "manual/stable")[0]).toMatch(/\| 12 \| \| \|$/);
  });

  it("show values that are not finite", () => {
    const record = distance({ sumAbs: Number.NaN, relL2: Number.POSITIVE_INFINITY });
    expect(linesWith(terminalOf(resultsOf({ distances: [record] })), "manual/stable")[0]).toContain("NaN ∞");
  });

  it("are shown even of a workload without cells", () => {
    const results = resultsOf({ distances: [distance({ workload: "elsewhere" })] });
    expect(linesWith(terminalOf(results), "elsewhere")[0]).toBe("elsewhere");
  });

  it.each(OUTPUTS)("have no table where there are none (%s)", (_, render) => {
    expect(render(withCells(measured("a")))).not.toContain("By hand against automatic");
  });
});

describe("an interrupted run", () => {
  const run = { status: "interrupted", cellsPlanned: 40 } as const;

  it.each(OUTPUTS)("says how far it came and how to go on (%s)", (_, render) => {
    expect(render(resultsOf({ run, cells: [measured("a"), measured("b")] }))).toContain(
      "Interrupted: 2 of 40 cells. Continue with: pnpm bench --resume 20260101-000000-smoke",
    );
  });

  it("says how many lack processes, and that another may be faster", () => {
    const cells = [{ ...measured("a"), unfinished: true as const }, measured("b")];
    const view = reportView(resultsOf({ run, cells, resolution: RESOLUTION }));
    expect(view.notice).toContain("Interrupted: 2 of 40 cells, 1 of them not in all processes yet. Continue");
    expect(renderSummary(view, { color: false })).toContain(
      "The fastest gradient so far within the error bound",
    );
    const sentences = view.workloads.flatMap(({ verdicts }) => verdicts).join("\n");
    expect(sentences).toContain(" is the fastest so far within the error bound ");
    expect(sentences).not.toMatch(/is the fastest (?!so far)/);
  });

  it("says so without a plan too", () => {
    expect(reportView(resultsOf({ run: { status: "interrupted" } })).notice).toMatch(
      /^Interrupted: 0 of \? cells/,
    );
  });

  it("quotes an id that the shell would not read as one word", () => {
    expect(reportView(resultsOf({ run: { ...run, id: "x; rm -rf 'y'" } })).notice).toMatch(
      / --resume 'x; rm -rf '\\''y'\\'''$/,
    );
  });

  it("is the only kind with a notice", () => {
    expect(reportView(resultsOf()).notice).toBeUndefined();
    expect(reportView(resultsOf({ run: { status: "complete" } })).notice).toBeUndefined();
  });
});

describe("notes", () => {
  const notesOf = (...cells: ReturnType<typeof measured>[]) => {
    const { advice, broken } = reportView(withCells(...cells));
    return [...advice, ...broken];
  };

  it("say once per backend that a library's gradient is hand-written", () => {
    const note = "its gradient is hand-written";
    const cell = measured("autograd/library", {}, { note });
    expect(notesOf(cell, { ...cell, dtype: "float64" }, { ...cell, workload: "wide" })).toEqual([
      "autograd/library on node: its gradient is hand-written",
    ]);
  });

  it("name cells whose gradient differs between processes", () => {
    expect(notesOf(measured("fused", {}, { nondeterministic: true }))).toEqual([
      "node fused float32 square: two processes gave different gradients",
    ]);
  });

  it("do not name cells whose gradient is known to be the same", () => {
    expect(notesOf(measured("fused", {}, { nondeterministic: false }))).toEqual([]);
  });

  it.each(["failed", "timeout", "crashed"] as const)("give the reason of a cell that %s", (status) => {
    expect(notesOf(absent("naive", status, "worker died"))).toEqual([
      `node naive float32 square ${status}: worker died`,
    ]);
  });

  it("leave out what a backend cannot do, which its own table says", () => {
    expect(notesOf(absent("naive", "unsupported", "no float64"))).toEqual([]);
  });

  it.each(OUTPUTS)("have a section only where there are some (%s)", (_, render) => {
    expect(render(withCells(measured("a", {}, { note: "mind this" })))).toContain("Notes");
    expect(render(withCells(measured("a")))).not.toContain("Notes");
  });
});

describe("the wall time", () => {
  const wallOf = (wallNs: Record<string, number>) => reportView(resultsOf({ run: { wallNs } })).wall;

  it("is divided by purpose, the largest first", () => {
    expect(wallOf({ start: 20e9, measure: 75e9, verify: 5e9 })).toBe(
      "1m 40s: measurement 75 % (1m 15s), starting processes 20 % (20.0s), " +
        "checking against the oracle 5.0 % (5.0s)",
    );
  });

  it("is in the summary, in a line", () => {
    const view = reportView(resultsOf({ run: { wallNs: { start: 20e9, measure: 80e9 } } }));
    expect(renderSummary(view, { color: false })).toMatch(
      /\nWall time 1m 40s: measurement 80 % \(1m 20s\), starting processes 20 % \(20\.0s\)\.$/,
    );
    expect(renderSummary(reportView(resultsOf()), { color: false })).not.toContain("Wall time");
  });

  it("says what waiting for steady times took", () => {
    expect(wallOf({ settle: 60e9, measure: 40e9 })).toBe(
      "1m 40s: waiting until times had settled 60 % (1m 0s), measurement 40 % (40.0s)",
    );
  });

  it("leaves out what took no time to speak of", () => {
    expect(wallOf({ measure: 100e9, settle: 0, other: 0.01e9 })).toBe("1m 40s: measurement 100 % (1m 40s)");
  });

  it("names purposes that it does not know as the file does", () => {
    expect(wallOf({ constructor: 1e9 })).toBe("1.0s: constructor 100 % (1.0s)");
  });

  it("is left out where nothing was recorded", () => {
    expect(wallOf({})).toBeUndefined();
    expect(wallOf({ measure: 0 })).toBeUndefined();
    expect(reportView(resultsOf()).wall).toBeUndefined();
  });
});

describe("backends", () => {
  it.each(OUTPUTS)("show runtime, device, threads, cold start and memory (%s)", (_, render) => {
    expect(
      linesWith(render(resultsOf()), "20.19.0").map((line) => line.replaceAll(/ ?\| ?/g, " ").trim()),
    ).toContain("node node 20.19.0 cpu (Xeon) 1 1.50 s 200 MiB");
  });

  it.each(OUTPUTS)("mark times on a software GPU as not representative (%s)", (_, render) => {
    const software = backend({ device: { kind: "software-gpu", name: "SwiftShader" } });
    expect(render(resultsOf({ backends: [software] }))).toContain(
      "software-gpu (SwiftShader, times not representative)",
    );
  });

  it("do not mark other devices", () => {
    const gpu = backend({ device: { kind: "gpu", name: "A100" } });
    expect(terminalOf(resultsOf({ backends: [gpu] }))).toContain("gpu (A100)");
  });

  it.each(OUTPUTS)("that are unavailable say why and what helps (%s)", (_, render) => {
    const record = {
      id: "webgpu",
      status: "unavailable",
      reason: "no adapter",
      remedy: "install Vulkan",
    } as const;
    expect(render(resultsOf({ backends: [backend(), record] }))).toContain(
      "unavailable: no adapter; install Vulkan",
    );
  });

  it.each(OUTPUTS)("keep the remedy visible after however long a reason (%s)", (_, render) => {
    const record = {
      id: "webgpu",
      status: "unavailable",
      reason: "x".repeat(10_000),
      remedy: "install Vulkan",
    } as const;
    expect(render(resultsOf({ backends: [record] }))).toContain("…; install Vulkan");
  });

  it("that are unavailable without a reason say that too", () => {
    expect(terminalOf(resultsOf({ backends: [{ id: "webgpu", status: "unavailable" }] }))).toContain(
      "unavailable: no reason given",
    );
  });
});

describe("the facts", () => {
  it("repeat the command so that the shell reads it again as it did", () => {
    const { facts } = reportView(resultsOf({ run: { argv: ["--out", "my results", "--seed=1"] } }));
    expect(facts).toContainEqual(["command", "bench --out 'my results' --seed=1"]);
  });

  it("give the seed where there is one, and say where there was no checkout", () => {
    const { facts } = reportView(resultsOf({ run: { seed: 7, commit: null, argv: [] } }));
    expect(facts).toContainEqual(["run", "2026-01-01T00:00:00.000Z, profile smoke, seed 7"]);
    expect(facts).toContainEqual(["commit", "not in a git checkout"]);
    expect(facts).toContainEqual(["command", "bench"]);
  });
});

describe("files without the optional fields", () => {
  const { workloads: _, ...rest } = resultsOf({
    backends: [{ id: "node", status: "available" }],
    cells: [
      measured("a", {}, { workload: "second" }),
      measured("a", {}, { workload: "first" }),
      measured("b", {}, { workload: "second" }),
    ],
  });
  const bare: Results = parseResults(formatResults(rest));

  it("are reported with workloads in the order of their cells, under their ids", () => {
    expect(reportView(bare).workloads.map(({ heading }) => heading)).toEqual(["second", "first"]);
  });

  it.each(OUTPUTS)("never print undefined, null or [object Object] (%s)", (_name, render) => {
    expect(render(bare)).not.toMatch(/undefined|null|\[object/);
    expect(render(resultsOf({ backends: [] }))).not.toMatch(/undefined|null|\[object/);
  });
});

describe("the outputs", () => {
  const results = resultsOf({ cells: [measured("a")], distances: [distance()] });

  it("have escapes in the terminal only with colour, and the same text either way", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    const SGR = /\u001b\[\d+m/g;
    expect(terminalOf(results, false)).not.toContain("\u001b");
    expect(terminalOf(results, true)).toMatch(SGR);
    expect(terminalOf(results, true).replaceAll(SGR, "")).toBe(terminalOf(results, false));
  });

  it("explain ± as the resolution of one time, and = by the joint one of both", () => {
    expect(renderSummary(reportView(results), { color: false })).toContain(
      "±: the resolution of that time: in this run, identical code differs by less in 95 of 100 pairs; " +
        "= marks times no further apart than the joint resolution of both.",
    );
  });

  it("say in Markdown what the columns mean", () => {
    expect(markdownOf(results)).toContain("## What the columns mean");
    expect(terminalOf(results)).not.toContain("What the columns mean");
  });
});
