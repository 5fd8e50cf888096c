import { fileURLToPath } from "node:url";
import { BrowserHost, LaunchedBrowser } from "@softmax-bench/host-browser";
import { type Connection, PROTOCOL_VERSION } from "@softmax-bench/measure";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Cut, type CutPoint, FaultyNetwork } from "./support/faulty-network.js";
import { changeNetwork, whyNoChanges } from "./support/network-changes.js";
import { browsers, reportMissing } from "./support/visitor.js";

const PAGE = fileURLToPath(new URL("../dist", import.meta.url));
const TIMEOUT_MS = 60_000;
/** Time in which the network changes, in milliseconds. */
const CHANGING_MS = 10_000;
const TASK = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 } as const;
const RUN = { type: "run", ...TASK, inputs: "inputs", sets: 1 } as const;

describe.each(browsers)("a measuring page in $kind whose connections are cut", (found) => {
  const { kind, browser } = found;
  if (!browser) return reportMissing(found);
  /** One browser decides whether a change lands. */
  const options = kind === "chromium" ? {} : { tags: "nightly" };

  async function open(cuts: readonly Cut[]): Promise<{ network: FaultyNetwork; connection: Connection }> {
    const network = new FaultyNetwork(PAGE, cuts);
    onTestFinished(() => network.close());
    const host = new BrowserHost(kind, new LaunchedBrowser(browser as NonNullable<typeof browser>, network));
    host.holdInputs({
      id: "inputs",
      make: () => [Float32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(0, 1)],
    });
    const connection = host.connect();
    onTestFinished(() => connection.kill());
    const opened = await connection.request(
      { type: "open", protocol: PROTOCOL_VERSION, backend: "wasm-simd", threads: 1 },
      TIMEOUT_MS,
    );
    expect(opened).toMatchObject({ kind: "answered", reply: { type: "opened" } });
    return { network, connection };
  }

  /** Computes a gradient of two rows, and expects each row of it to sum to zero. */
  async function expectComputed(connection: Connection, meanwhile: () => void = () => {}): Promise<void> {
    const outcome = connection.request(RUN, TIMEOUT_MS);
    meanwhile();
    expect(await outcome).toMatchObject({ kind: "answered", reply: { type: "computed" } });
    const [loss, gradient] = [new Float32Array(1), new Float32Array(6)];
    connection.readResults([loss, gradient]);
    expect(loss[0]).toBeCloseTo(1.9076, 4);
    const [a = 0, b = 0, c = 0, ...second] = gradient;
    expect(a).toBeCloseTo((0.0900306 - 1) / 2, 6);
    expect(a + b + c).toBeCloseTo(0, 6);
    expect(second.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 6);
  }

  async function expectMeasured(at: CutPoint): Promise<void> {
    const exchanges = /^(?:replies|results|inputs)$/;
    // Chromium itself repeats a request that gets no answer, once.
    const times = at === "middle" ? 1 : 2;
    const { network, connection } = await open([
      { path: /^assets\/index-/, at, times },
      { path: /^assets\/worker-/, at, times },
      { path: /^assets\/simd-|relaxed-simd-/, at, times },
      { path: exchanges, at, times },
    ]);
    await expectComputed(connection);
    expect(network.done.filter((path) => exchanges.test(path))).toHaveLength(times);
    expect(network.done.filter((path) => path.startsWith("assets/"))).toHaveLength(3 * times);
  }

  it("before requests are read measures", options, () => expectMeasured("request"));
  it("before requests are answered measures", { tags: "nightly" }, () => expectMeasured("answer"));
  it("in the middle of answers measures", options, () => expectMeasured("middle"));

  it("wherever it exchanges arrays measures", options, async () => {
    const points: readonly CutPoint[] = ["request", "answer", "middle"];
    const { network, connection } = await open(
      points.flatMap((at) => ["inputs", "results"].map((path) => ({ path: RegExp(path), at, times: 1 }))),
    );
    await expectComputed(connection);
    expect(network.done.toSorted()).toEqual(["inputs", "inputs", "inputs", "results", "results", "results"]);
  });

  it("while it waits for a request, and while it computes one, measures", options, async () => {
    const { network, connection } = await open([]);
    network.cutStreams();
    await expectComputed(connection);
    await expectComputed(connection, () => setTimeout(() => network.cutStreams(), 1));
    await expectComputed(connection, () => network.cutStreams());
  });

  it.skipIf(whyNoChanges)(
    `by changes of the network measures${whyNoChanges ? `: ${whyNoChanges}` : ""}`,
    {
      tags: "nightly",
    },
    async () => {
      const over = new AbortController();
      const changing = changeNetwork(over.signal);
      onTestFinished(() => over.abort());
      const end = performance.now() + CHANGING_MS;
      do {
        const { connection } = await open([]);
        for (let count = 0; count < 50; count++) await expectComputed(connection);
        connection.kill();
      } while (performance.now() < end);
      over.abort();
      expect(await changing).toBeGreaterThan(CHANGING_MS / 1000);
    },
  );

  it("in the middle of its document is opened again", { tags: "nightly" }, async () => {
    const { network, connection } = await open([{ path: /^$/, at: "middle", times: 1 }]);
    await expectComputed(connection);
    expect(network.done).toEqual([""]);
  });

  it("before its document is loaded measures", { tags: "nightly" }, async () => {
    const { network, connection } = await open([{ path: /^$/, at: "request", times: 4 }]);
    await expectComputed(connection);
    expect(network.done).toEqual(["", "", "", ""]);
  });
});
