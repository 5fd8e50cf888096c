import type { Depth, NetworkRecord, Results } from "@softmax-bench/core";
import { formatResults, parseResults } from "@softmax-bench/core/results";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { renderChart } from "../src/charts.js";
import { reportView } from "../src/index.js";
import { markdownOf, resultsOf, terminalOf } from "./support/results.js";

const overSeeds = (median: number) => ({ median, mad: 0, samples: [median, 1.1 * median, 0.9 * median] });
const between = (relL2: number) => ({ relL2: overSeeds(relL2), maxUlp: overSeeds(12) });

interface Sizes {
  readonly distance?: number;
  readonly reordering?: number;
}

const gradients = ({ distance = 1e-7, reordering = 4e-7 }: Sizes = {}) => ({
  parameters: 650,
  norm: overSeeds(1.5),
  distance: between(distance),
  reordering: between(reordering),
  error: { manual: overSeeds(3e-7), autograd: overSeeds(3.5e-7) },
});

const compared = (depth: number, sizes: Sizes = {}, over: Partial<NetworkRecord> = {}): NetworkRecord => ({
  backend: "node",
  dtype: "float32",
  depth,
  status: "ok",
  whole: gradients(sizes),
  layers: Array.from({ length: depth }, (_, index) => ({ name: `dense${index + 1}`, ...gradients(sizes) })),
  step: {
    manual: { medianNs: 1e6, samples: [1e6] },
    autograd: { medianNs: 1.25e6, samples: [1.25e6] },
    ratio: { median: 1.25, ci95: [1.2, 1.3], coverage: 0.97 },
  },
  ...over,
});

const trend = (exponent: number, ci: [number, number], coverage = 0.9375): Depth["trends"][number] => ({
  backend: "node",
  dtype: "float32",
  of: "distance",
  exponent,
  ci,
  coverage,
});

const withDepth = (networks: NetworkRecord[], over: Partial<Depth> = {}): Results => ({
  ...resultsOf({ cells: [] }),
  depth: {
    network: "mlp",
    batch: 32,
    seeds: 3,
    networks,
    trends: [],
    methods: { manual: "manual/naive", autograd: "autograd/naive" },
    images: { source: "CIFAR-10", digest: "sha256:0" },
    reference: "the reference",
    ...over,
  },
});

describe("the depth experiment in a report", () => {
  const answerTo = (results: Results) => reportView(results).depth?.answer;

  it("says that the difference grows where the interval of its exponent is above 0", () => {
    const networks = [compared(2), compared(8)];
    expect(answerTo(withDepth(networks, { trends: [trend(0.5, [0.2, 0.9])] }))).toContain(
      "It grows with depth on node, float32.",
    );
    expect(answerTo(withDepth(networks, { trends: [trend(0.5, [-0.1, 0.9])] }))).toContain(
      "No growth with depth is seen.",
    );
  });

  it("gives the ratio of steps its interval, and marks one that may be 1", () => {
    const step = (ratio: NonNullable<NetworkRecord["step"]>["ratio"]) => {
      const one = compared(2);
      return { ...one, step: { ...(one.step as NonNullable<NetworkRecord["step"]>), ratio } };
    };
    const shown = (ratio: NonNullable<NetworkRecord["step"]>["ratio"]) =>
      markdownOf(withDepth([step(ratio)])).replaceAll("\\", "");
    expect(shown({ median: 1.25, ci95: [1.2, 1.3], coverage: 0.97 })).toMatch(
      /\| +1\.25× \[1\.20, 1\.30\] \|/,
    );
    expect(shown({ median: 1.03, ci95: [0.98, 1.1], coverage: 0.97 })).toMatch(
      /\| += 1\.03× \[0\.980, 1\.10\] \|/,
    );
    expect(shown({ median: 1.25, ci95: [0.9, 1.3], coverage: 0.97 })).toMatch(
      /\| += 1\.25× \[0\.900, 1\.30\] \|/,
    );
    expect(shown({ median: 1.03, ci95: [1.02, 1.04], coverage: 0.5 })).toMatch(/\| += 1\.03× \|/);
  });

  it("ties steps whose ratio another process of the same code may have", () => {
    const one = compared(2);
    const shown = (median: number, ci95: [number, number]) => {
      const ratio = { median, ci95, coverage: 0.97 };
      const step = { ...(one.step as NonNullable<NetworkRecord["step"]>), ratio };
      return markdownOf(withDepth([{ ...one, step }])).replaceAll("\\", "");
    };
    expect(shown(1.14, [1.13, 1.15])).toMatch(/\| += 1\.14× \[1\.13, 1\.15\] \|/);
    expect(shown(0.88, [0.87, 0.89])).toMatch(/\| += 0\.880× \[0\.870, 0\.890\] \|/);
    expect(shown(1.16, [1.15, 1.17])).toMatch(/\| +1\.16× \[1\.15, 1\.17\] \|/);
    expect(shown(0.86, [0.85, 0.87])).toMatch(/\| +0\.860× \[0\.850, 0\.870\] \|/);
  });

  it("concludes nothing from an interval of too few seeds, nor from one depth", () => {
    expect(
      answerTo(withDepth([compared(2), compared(8)], { trends: [trend(0.5, [0.4, 0.6], 0.75)] })),
    ).toContain("So few seeds cannot tell");
    expect(answerTo(withDepth([compared(2)]))).toContain("says nothing of growth");
  });

  it("says from which depth the difference exceeds what another order of sums does", () => {
    const below = compared(2, { distance: 1e-7, reordering: 4e-7 });
    const above = compared(8, { distance: 9e-7, reordering: 4e-7 });
    expect(answerTo(withDepth([below]))).toContain(
      "smaller than what another order of sums does, everywhere",
    );
    expect(answerTo(withDepth([below, above]))).toContain(
      "exceeds what another order of sums does on node, float32 (depth 8)",
    );
    const findings = reportView(withDepth([below, above])).depth?.findings[0]?.sentences.join(" ");
    expect(findings).toContain("less than they differ at depth 8");
  });

  it("says when loss curves part, and that those of another order do", () => {
    const training = {
      manual: [2, 1.5, 1.02, 1],
      autograd: [2, 1.5, 1, 1],
      reordered: [2, 1.5001, 1.0001, 1],
    };
    const sentences =
      reportView(withDepth([compared(4, {}, { training })])).depth?.findings[0]?.sentences ?? [];
    expect(sentences.at(-1)).toContain(
      "by hand and automatic first differ at step 3 and part by 1 % at step 3",
    );
    expect(sentences.at(-1)).toContain("first differ at step 2 and never part by 1 %");
  });

  it("says which of two diverged, where the loss is no number any more", () => {
    const training = { manual: [2, Number.NaN], autograd: [2, 1], reordered: [2, 1] };
    const sentences =
      reportView(withDepth([compared(4, {}, { training })])).depth?.findings[0]?.sentences ?? [];
    expect(sentences.at(-1)).toContain(
      "have the same loss up to there, bit for bit, and only one of them diverged, at step 2",
    );
    expect(sentences.at(-1)).toContain("have the same loss at every step");
  });

  it("compares no further than to where training diverged, and draws no empty chart of it", () => {
    const diverged = [2.3, Number.NaN, Number.POSITIVE_INFINITY];
    const training = { manual: diverged, autograd: diverged, reordered: diverged };
    const results = withDepth([compared(4, {}, { training })]);
    const { findings = [], charts = [] } = reportView(results).depth ?? {};
    expect(findings[0]?.sentences.at(-1)).toBe(
      "Trained for 3 steps at depth 4, from a loss of 2.300 until it diverged at step 2: by hand and automatic have the same " +
        "loss up to there, bit for bit; automatic and itself in another order have the same loss up to there, bit for bit.",
    );
    expect(charts.map(({ kind }) => kind)).toEqual(["layers"]);
  });

  it.each([
    ["terminal", terminalOf],
    ["Markdown", markdownOf],
  ] as const)("says in the %s that images are synthetic, and why networks have no result", (_, render) => {
    const note = "images are synthetic: no network";
    const networks: NetworkRecord[] = [
      compared(2),
      {
        backend: "wasm",
        dtype: "float64",
        depth: 2,
        status: "unsupported",
        reason: "no double",
        layers: [],
      },
    ];
    const text = render(withDepth(networks, { images: { source: "synthetic", note, digest: "sha256:0" } }));
    expect(text).toContain("Images are synthetic: no network.");
    expect(text).toContain("wasm float64, depth 2: unsupported, no double");
  });

  it("shows charts in Markdown, and the numbers of the deepest network's layers", () => {
    const text = markdownOf(withDepth([compared(2), compared(3)]));
    expect(text).toContain("](depth-float32.svg)");
    expect(text).toContain("layers at depth 3");
    expect(text).toContain("| dense3 |");
  });

  it("survives the results file", () => {
    const results = withDepth([compared(2)], { trends: [trend(0.5, [0.2, 0.9])] });
    expect(parseResults(formatResults(results))).toEqual(results);
  });
});

describe("a chart", () => {
  const chartsOf = (results: Results) =>
    (reportView(results).depth?.charts ?? []).map((chart) => renderChart(chart, results.depth as Depth));

  it("is a standalone SVG file with a line for each depth and a text that says what it is", () => {
    const [svg = ""] = chartsOf(withDepth([compared(2), compared(4)]));
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain("<title>Distances and errors");
    expect(svg).toContain("by hand − automatic");
    expect(/NaN|Infinity|undefined/.exec(svg)?.[0]).toBeUndefined();
  });

  it("draws how losses part, where there was training", () => {
    const training = { manual: [2, 1.5, 1.02], autograd: [2, 1.5, 1], reordered: [2, 1.5001, 1.0001] };
    const [, svg = ""] = chartsOf(withDepth([compared(4, {}, { training })]));
    expect(svg).toContain("Relative difference of the losses");
    expect(/NaN|Infinity|undefined/.exec(svg)?.[0]).toBeUndefined();
  });

  it("leaves out what no logarithm shows", () => {
    const same = compared(3, { distance: 0 });
    const broken = compared(2, { distance: Number.POSITIVE_INFINITY, reordering: Number.NaN });
    const charts = chartsOf(withDepth([same, broken]));
    expect(charts).not.toEqual([]);
    for (const svg of charts) expect(/NaN|Infinity|undefined/.exec(svg)?.[0]).toBeUndefined();
  });

  it.each([
    "</svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "<img src=x onerror=alert(1)>",
    "__proto__",
    "]]>",
  ])("shows a backend named %s as text", (backend) => {
    const [svg = ""] = chartsOf(withDepth([compared(2, {}, { backend })], { network: backend }));
    const { document } = parseHTML(`<html><body>${svg}</body></html>`);
    const attributes = [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes]);
    expect(document.querySelectorAll("script, img")).toHaveLength(0);
    expect(attributes.filter(({ name, value }) => /^on/.test(name) || value.includes("<"))).toEqual([]);
    const shown = [...document.querySelectorAll("text")].map(({ textContent }) => textContent);
    expect(shown).toContain(backend.length > 24 ? `${backend.slice(0, 23)}…` : backend);
  });
});
