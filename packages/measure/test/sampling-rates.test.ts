import { normalSource, uniformSource } from "@softmax-bench/core";
import { median, quantile } from "@softmax-bench/stats";
import { afterAll, describe, expect, it, vi } from "vitest";
import { sample } from "../src/sample.js";
import type { SamplingLimits } from "../src/sampling-limits.js";
import { measure, type Pacing } from "./support/pacing.js";

vi.mock("mitata", () => import("./support/pacing.js"));

/** Series of each kind. With `SERIES=500` in the environment, the table of docs/methodology.md is printed. */
const SERIES = Number(process.env.SERIES ?? 100);

/** Those of gradients in the default profile, in a process that has warmed up. */
const LIMITS: SamplingLimits = {
  warmUpNs: 2e9,
  settleNs: 1e9,
  patienceNs: 1e8,
  windowNs: 1e7,
  minSamples: 5,
  mostWindowNs: 2e8,
  fewestSamples: 3,
  maxSamples: 200,
  batchNs: 1e5,
};

/** The time of a call that begins at a time, relative to that of undisturbed code in the end. Times in milliseconds. */
type Series = (ms: number) => number;

/** A phase of simulated work. Times in milliseconds since its first call. */
interface Phase {
  readonly callMs: number;
  readonly series: Series;
  /** Time that the engine has spent on optimising code; undefined where nobody can tell. */
  readonly backgroundMs: (ms: number) => number | undefined;
  readonly isUndisturbed: (ms: number) => boolean;
  /** True for the first phase of a process, which has to warm up. */
  readonly isFirst: boolean;
}

interface Random {
  readonly normal: () => number;
  readonly uniform: () => number;
}

type Noise = (random: Random) => Series;
type Kind = (random: Random) => Phase;

/** Noise of a relative deviation, drawn for each call. */
const independent =
  (deviation: number): Noise =>
  ({ normal }) =>
  () =>
    Math.exp(deviation * normal());

/** Noise of a relative deviation whose correlation falls to 1/e in some milliseconds (Ornstein & Uhlenbeck 1930). */
const lasting =
  (deviation: number, lastingMs: number): Noise =>
  ({ normal }) => {
    let [state, at] = [normal(), 0];
    return (ms) => {
      const kept = Math.exp((at - ms) / lastingMs);
      state = kept * state + Math.sqrt(1 - kept ** 2) * normal();
      at = ms;
      return Math.exp(deviation * state);
    };
  };

/** Noise of 1 %, and a neighbour that slows down a twentieth of the calls by a third, in bursts of four. */
const bursts: Noise = (random) => {
  const noise = independent(0.01)(random);
  let left = 0;
  return (ms) => {
    if (left === 0 && random.uniform() < 1 / 80) left = 4;
    if (left === 0) return noise(ms);
    left--;
    return 1.33 * noise(ms);
  };
};

const phase = (series: Series, options: Partial<Phase> = {}): Phase => ({
  callMs: 1,
  series,
  backgroundMs: () => 0,
  isUndisturbed: () => true,
  isFirst: false,
  ...options,
});

const flat =
  (noise: Noise, options: Partial<Phase> = {}): Kind =>
  (random) =>
    phase(noise(random), options);

/** A neighbour that computes for some milliseconds, and not for others, on average; probes see it. */
const neighbour =
  (busyMs: number, idleMs: number): Kind =>
  (random) => {
    const noise = independent(0.01)(random);
    const draw = (meanMs: number) => -meanMs * Math.log(random.uniform());
    let [isBusy, until] = [false, draw(idleMs)];
    const isUndisturbed = (ms: number) => {
      while (until <= ms) {
        isBusy = !isBusy;
        until += draw(isBusy ? busyMs : idleMs);
      }
      return !isBusy;
    };
    return phase((ms) => (isUndisturbed(ms) ? 1 : 1.75) * noise(ms), { isUndisturbed });
  };

const drifting =
  (shape: Series, options: Partial<Phase> & { readonly noise?: Noise } = {}): Kind =>
  (random) => {
    const { noise = independent(0.01), ...rest } = options;
    const drawn = noise(random);
    return phase((ms) => shape(ms) * drawn(ms), rest);
  };

/** Some times slower at first, which decays to 1/e in some milliseconds. */
const decaying =
  (times: number, decayMs: number): Series =>
  (ms) =>
    1 + (times - 1) * Math.exp(-ms / decayMs);

/** A change from a level to 1 within some milliseconds, steadily. */
const changing =
  (from: number, withinMs: number): Series =>
  (ms) =>
    ms < withinMs ? from + ((1 - from) * ms) / withinMs : 1;

const step =
  (afterMs: number): Series =>
  (ms) =>
    ms < afterMs ? 1.5 : 1;

/** A cycle around 1 that begins anywhere. */
const cyclic =
  (amplitude: number, periodMs: number): Kind =>
  (random) => {
    const begin = random.uniform();
    return drifting((ms) => 1 + amplitude * Math.sin(2 * Math.PI * (begin + ms / periodMs)))(random);
  };

/** Another thread that compiles until a time, from the beginning or for the last milliseconds. */
const compiling = (untilMs: number, lastMs = untilMs): Pick<Phase, "backgroundMs"> => ({
  backgroundMs: (ms) => Math.max(0, Math.min(ms, untilMs) - (untilMs - lastMs)),
});

/** As in a browser. */
const UNWATCHED: Pick<Phase, "backgroundMs"> = { backgroundMs: () => undefined };

interface Rates {
  /** Shares of the series that are called settled although the median of their samples is further than that from 1. */
  readonly offBy2: number;
  readonly offBy5: number;
  readonly unsettled: number;
  /** Time in windows, in milliseconds: of half of the series at most, and of 95 %. */
  readonly medianMs: number;
  readonly mostMs: number;
}

async function samplePhase({ callMs, series, backgroundMs, isUndisturbed, isFirst }: Phase) {
  let nowNs = 0;
  const work = async () => {
    nowNs += 1e6 * callMs * series(nowNs / 1e6);
  };
  const { samples, steadiness, windowsNs } = await sample(work, LIMITS, {
    now: () => nowNs,
    backgroundNs: () => {
      const ms = backgroundMs(nowNs / 1e6);
      return ms === undefined ? undefined : 1e6 * ms;
    },
    isUndisturbed: () => isUndisturbed(nowNs / 1e6),
    arrayBytes: () => 0,
    collectGarbage: undefined,
    history: { sampledNs: isFirst ? 0 : LIMITS.warmUpNs },
  });
  const error = Math.abs(median(samples) / (1e6 * callMs) - 1);
  return { error, steadiness, spentMs: windowsNs / 1e6 };
}

async function ratesOf(name: string, kind: Kind): Promise<Rates> {
  const found: Awaited<ReturnType<typeof samplePhase>>[] = [];
  const random = { normal: normalSource(name, 0), uniform: uniformSource(name, 1) };
  for (let index = 0; index < SERIES; index++) found.push(await samplePhase(kind(random)));
  const settled = found.filter(({ steadiness }) => steadiness === "settled");
  const spent = found.map(({ spentMs }) => spentMs);
  return {
    offBy2: settled.filter(({ error }) => error > 0.02).length / SERIES,
    offBy5: settled.filter(({ error }) => error > 0.05).length / SERIES,
    unsettled: found.filter(({ steadiness }) => steadiness === "unsettled").length / SERIES,
    medianMs: median(spent),
    mostMs: quantile(spent, 0.95),
  };
}

const table: string[] = [];

/** The rates of a kind, which are added to the table. */
async function record(name: string, kind: Kind): Promise<Rates> {
  const rates = await ratesOf(name, kind);
  const { offBy2, offBy5, unsettled, medianMs, mostMs } = rates;
  const shares = [offBy2, offBy5, unsettled].map((share) => `${(100 * share).toFixed(1)} %`);
  const times = [medianMs, mostMs].map((ms) => `${ms.toFixed(0)} ms`);
  table.push(`| ${[name, ...shares, ...times].join(" | ")} |`);
  return rates;
}

/** Expects a share of the series to be that of docs/methodology.md, up to three standard errors and two percent. */
function expectShare(share: number, documented: number): void {
  const error = Math.sqrt((documented * (1 - documented)) / SERIES);
  expect(Math.abs(share - documented)).toBeLessThanOrEqual(3 * error + 0.02);
}

afterAll(() => {
  if (process.env.SERIES === undefined) return;
  const header = ["series", "> 2 % off", "> 5 % off", "unsettled", "time", "95 %"];
  const rule = header.map((_, column) => (column === 0 ? "---" : "---:"));
  process.stdout.write(
    `${[header, rule].map((row) => `| ${row.join(" | ")} |`).join("\n")}\n${table.join("\n")}\n`,
  );
});

describe("sampling, simulated", () => {
  it("is paced as by mitata", async () => {
    const mitata = await vi.importActual<typeof import("mitata")>("mitata");
    const ticksOf = async (
      pace: (work: () => Promise<unknown>, options: Pacing) => Promise<unknown>,
      size: Omit<Pacing, "now">,
    ) => {
      let [nowNs, calls] = [0, 0];
      const ticks: number[] = [];
      const options = {
        ...size,
        now: () => {
          ticks.push(nowNs);
          return nowNs;
        },
        warmup_samples: 1,
        warmup_threshold: Number.POSITIVE_INFINITY,
        batch_threshold: Number.POSITIVE_INFINITY,
        batch_unroll: 1,
        gc: false,
      };
      await pace(async () => {
        nowNs += 1e5 * (1 + (calls++ % 7));
      }, options);
      return ticks;
    };
    for (const size of [
      { min_samples: 5, max_samples: 200, min_cpu_time: 1e7, batch_samples: 1 },
      { min_samples: 5, max_samples: 9, min_cpu_time: 1e7, batch_samples: 13 },
      { min_samples: 12, max_samples: 200, min_cpu_time: 1e6, batch_samples: 3 },
    ]) {
      const expected = await ticksOf((work, options) => mitata.measure(work, options), size);
      expect(expected.length).toBeGreaterThanOrEqual(10);
      expect(await ticksOf(measure, size)).toEqual(expected);
    }
  });

  // Shares are 0 unless given.
  it.each<[string, Kind, Partial<Rates> & Pick<Rates, "mostMs">]>([
    ["noise of 0.5 %, calls of 0.1 ms", flat(independent(0.005), { callMs: 0.1 }), { mostMs: 20 }],
    ["noise of 2 %", flat(independent(0.02)), { mostMs: 22 }],
    ["noise of 5 %, calls of 10 ms", flat(independent(0.05), { callMs: 10 }), { offBy5: 0.01, mostMs: 103 }],
    ["noise of 20 %", flat(independent(0.2)), { offBy5: 0.33, mostMs: 22 }],
    ["noise of 1 % that lasts for 3 calls (ρ = 0.7)", flat(lasting(0.01, 2.8)), { mostMs: 22 }],
    ["a speed that wanders by 2 % within 50 ms", flat(lasting(0.02, 50)), { offBy5: 0.01, mostMs: 32 }],
    ["bursts of a neighbour that no probe sees", flat(bursts), { mostMs: 22 }],
    ["a neighbour for 30 of 100 ms, which probes see", neighbour(30, 70), { unsettled: 0.03, mostMs: 107 }],
    [
      "a neighbour for 300 of 1,000 ms, which probes see",
      neighbour(300, 700),
      { unsettled: 0.03, mostMs: 107 },
    ],
  ])("is right about flat series with %s", async (name, kind, { offBy5 = 0, unsettled = 0, mostMs }) => {
    const rates = await record(name, kind);
    expectShare(rates.offBy5, offBy5);
    expectShare(rates.unsettled, unsettled);
    expect(rates.mostMs).toBeLessThanOrEqual(1.25 * mostMs);
  });

  // Shares that are called unsettled, and those that are called settled and more than 5 % off.
  it.each([
    ["fall from 3 times, decaying in 5 ms", drifting(decaying(3, 5)), 0, 0],
    ["fall from 3 times, decaying in 20 ms", drifting(decaying(3, 20)), 0, 0],
    ["fall from 3 times, decaying in 100 ms", drifting(decaying(3, 100)), 0, 0],
    [
      "fall from 3 times, decaying in 100 ms, calls of 10 ms, noise of 3 %",
      drifting(decaying(3, 100), { callMs: 10, noise: independent(0.03) }),
      0.01,
      0,
    ],
    ["fall from 3 times, decaying in 1 s, first phase", drifting(decaying(3, 1000), { isFirst: true }), 1, 0],
    ["fall from 1.2 times, decaying in 20 ms", drifting(decaying(1.2, 20)), 0, 0.01],
    ["fall from 1.5 times at once after 15 ms", drifting(step(15)), 0, 0],
    ["fall from 1.5 times at once after 200 ms of compiling", drifting(step(200), compiling(200)), 0, 0],
    ["fall from 1.5 times at once after 400 ms, in a browser", drifting(step(400), UNWATCHED), 0, 0],
    ["fall by a tenth within 30 ms", drifting(changing(1 / 0.9, 30)), 0, 0],
    ["rise by a tenth within 30 ms", drifting(changing(0.9, 30)), 0, 0],
  ])("waits until series that %s have settled", async (name, kind, unsettled, offBy5) => {
    const rates = await record(name, kind);
    expectShare(rates.unsettled, unsettled);
    expectShare(rates.offBy5, offBy5);
  });

  // It ends as soon as it sees no drift, so it misses what is slow or comes later.
  it.each([
    [
      "fall by a tenth within 30 ms, noise of 3 %",
      drifting(changing(1 / 0.9, 30), { noise: independent(0.03) }),
      0.35,
    ],
    ["fall by a tenth within 100 ms", drifting(changing(1 / 0.9, 100)), 1],
    ["fall by a tenth within 1 s", drifting(changing(1 / 0.9, 1000)), 1],
    ["fall from 1.2 times, decaying in 100 ms", drifting(decaying(1.2, 100)), 0.97],
    ["fall from 3 times, decaying in 300 ms", drifting(decaying(3, 300)), 0.32],
    ["fall from 3 times, decaying in 1 s", drifting(decaying(3, 1000)), 1],
    [
      "fall from 1.5 times at once after 200 ms, the last 20 of them of compiling",
      drifting(step(200), compiling(200, 20)),
      1,
    ],
    ["fall from 1.5 times at once after 700 ms, in a browser", drifting(step(700), UNWATCHED), 1],
    ["go up and down by 10 % in 30 ms", cyclic(0.1, 30), 0.27],
    ["go up and down by 10 % in 100 ms", cyclic(0.1, 100), 0.79],
    ["go up and down by 10 % in 1 s", cyclic(0.1, 1000), 0.69],
  ])("calls series that %s settled before they are", async (name, kind, offBy5) => {
    expectShare((await record(name, kind)).offBy5, offBy5);
  });
});
