import { namePlaces } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { hostsBlocks, startRows } from "../src/hosts.js";
import { DEFAULT_CONSTRAINTS, hostsView } from "../src/model.js";
import { backend, measured, resultsOf } from "./support/results.js";

const BACKENDS = ["wasm", "native"];
const HOSTS = [undefined, "bun"] as const;

/** Times in microseconds, by backend; undefined where the times had not settled. */
function resultsWith(times: { node: readonly (number | undefined)[]; bun: readonly (number | undefined)[] }) {
  const cells = HOSTS.flatMap((host) =>
    BACKENDS.map((id, index) => {
      const us = times[host ?? "node"][index];
      const cell = measured("manual/fused", { us: us ?? 1 }, { backend: id });
      const gradient = { ...cell.timing?.gradient, steadiness: us === undefined ? "unsettled" : "settled" };
      return { ...cell, host, timing: { ...cell.timing, gradient } } as typeof cell;
    }),
  );
  const backends = HOSTS.flatMap((host) => BACKENDS.map((id) => backend({ id, host })));
  return namePlaces(resultsOf({ backends, cells, hosts: [{ id: "bun", status: "available" }] }));
}

describe("the fastest backend of each host", () => {
  it("differs between hosts where each is slower on the other one", () => {
    const view = hostsView(resultsWith({ node: [10, 100], bun: [100, 10] }));
    expect(view).toMatchObject({ hosts: ["node", "bun"], flips: 1 });
    expect(view?.winners[0]?.on.map((winner) => winner?.backend)).toEqual(["wasm", "native"]);
    expect(view?.ratios).toMatchObject([
      { backend: "wasm", host: "bun", settled: { median: 10, isTied: false }, slower: 1, faster: 0 },
      { backend: "native", host: "bun", settled: { median: 0.1, isTied: false }, slower: 0, faster: 1 },
    ]);
  });

  it("does not differ where it is the same, or cannot be told from another", () => {
    expect(hostsView(resultsWith({ node: [10, 100], bun: [20, 100] }))?.flips).toBe(0);
    expect(hostsView(resultsWith({ node: [10, 10.1], bun: [10.1, 10] }))?.flips).toBe(0);
  });

  it("is not said to differ where a time had not settled", () => {
    expect(hostsView(resultsWith({ node: [10, 100], bun: [undefined, 10] }))?.flips).toBe(0);
  });

  it("counts no cell as slower or faster where a time had not settled", () => {
    const view = hostsView(resultsWith({ node: [10, 100], bun: [undefined, 10] }));
    expect(view?.ratios).toMatchObject([
      { backend: "wasm", cells: 1, slower: 0, faster: 0 },
      { backend: "native", cells: 1, slower: 0, faster: 1 },
    ]);
  });

  it("has a median and a range of settled times only, and says of how many", () => {
    const times = (node: number, bun: number | undefined, method: string) =>
      HOSTS.map((host) => {
        const us = host ? bun : node;
        const steadiness = us === undefined ? "untested" : "settled";
        return measured(method, { us: us ?? 1, time: { steadiness } }, { backend: "wasm", host });
      });
    const ratiosOf = (...cells: ReturnType<typeof times>[]) => {
      const backends = HOSTS.map((host) => backend({ id: "wasm", host }));
      const hosts = [{ id: "bun", status: "available" } as const];
      const view = hostsView(namePlaces(resultsOf({ backends, cells: cells.flat(), hosts })));
      const tables = view
        ? hostsBlocks(view).flatMap((block) => (block.kind === "table" ? [block] : []))
        : [];
      return tables.find(({ header }) => header.includes("median ratio"))?.rows;
    };
    expect(ratiosOf(times(10, 20, "a"), times(10, 30, "b"), times(10, undefined, "c"))).toEqual([
      ["wasm", "bun", "2.50×", "2.00× to 3.00×", "3", "2", "2", "0", "0"],
    ]);
    expect(ratiosOf(times(10, undefined, "a"))).toEqual([["wasm", "bun", "", "", "1", "0", "0", "0", "0"]]);
  });

  it("marks a median that the run cannot tell from 1", () => {
    // The assumed resolution is 15 %.
    const medianOf = (bun: number) => hostsView(resultsWith({ node: [10, 10], bun: [bun, 10] }))?.ratios[0];
    expect([8, 9, 11, 12].map((bun) => medianOf(bun)?.settled?.isTied)).toEqual([false, true, true, false]);
    const view = hostsView(resultsWith({ node: [10, 10], bun: [11, 10] }));
    expect(JSON.stringify(view && hostsBlocks(view))).toContain('"= 1.10×"');
  });

  it("has no ratio to a time below the clock's resolution", () => {
    const view = hostsView(resultsWith({ node: [0, 100], bun: [10, 100] }));
    expect(JSON.stringify(view && hostsBlocks(view))).not.toMatch(/NaN|∞/);
    const both = hostsView(resultsWith({ node: [0, 100], bun: [0, 100] }));
    expect(JSON.stringify(both && hostsBlocks(both))).not.toMatch(/NaN|∞/);
  });

  it("is not said to differ by what the reader cannot use on the other host", () => {
    const { backends, ...rest } = resultsWith({ node: [10, 100], bun: [100, 10] });
    const onGpu = { kind: "gpu", name: "some" } as const;
    // There, `native` is on a GPU.
    const results = {
      ...rest,
      backends: backends.map((one) => (one.id === "native" ? { ...one, device: onGpu } : one)),
    };
    expect(hostsView(results)?.flips).toBe(1);
    expect(hostsView(results, { ...DEFAULT_CONSTRAINTS, cpuOnly: true })?.flips).toBe(0);
  });

  it("keeps to the reader's constraints", () => {
    const { backends, ...rest } = resultsWith({ node: [10, 100], bun: [10, 100] });
    const built = backends.map((one) => ({
      ...one,
      engine: {
        name: one.id,
        version: "1",
        code: one.id.startsWith("native") ? ("webassembly" as const) : ("native" as const),
      },
    }));
    const results = { ...rest, backends: built };
    const winners = (noNativeCode: boolean) =>
      hostsView(results, { ...DEFAULT_CONSTRAINTS, noNativeCode })?.winners[0]?.on.map((one) => one?.backend);
    expect(winners(false)).toEqual(["wasm", "wasm"]);
    expect(winners(true)).toEqual(["native", "native"]);
  });

  it("is no question where there is one host", () => {
    expect(hostsView(resultsOf({ cells: [measured("manual/fused", { us: 1 }, { backend: "wasm" })] }))).toBe(
      undefined,
    );
  });
});

describe("the start of a backend", () => {
  it("is shown for each host, with what a page fetches for it", () => {
    const { cells } = resultsWith({ node: [10, 100], bun: [20, 100] });
    const records = [
      backend({ id: "wasm", coldStartNs: 20e6 }),
      backend({ id: "wasm", host: "bun", coldStartNs: 60e6, downloadBytes: 3 * 2 ** 20 }),
      backend({ id: "native", host: "bun", coldStartNs: 5e6 }),
    ];
    const hosts = [{ id: "bun", status: "available" } as const];
    const view = hostsView({ ...namePlaces(resultsOf({ backends: records, hosts })), cells });
    expect(view && startRows(view.starts)).toEqual([
      ["wasm", "20.0 ms", "60.0 ms", "3.00 MiB"],
      ["native", "", "5.00 ms", ""],
    ]);
  });
});
