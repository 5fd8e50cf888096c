import { type Cell, DTYPE_IDS, parsePlace, plural, type Results } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import type { Block } from "./block.js";
import { type Constraints, DEFAULT_CONSTRAINTS, isUsable } from "./constraints.js";
import { formatBytes, formatDuration, formatRatio } from "./format.js";
import {
  areCellsTied,
  bareBackend,
  hasSettled,
  type RankedCell,
  ratioOf,
  referenceIds,
  resolutionBetween,
} from "./ranking.js";
import { type Recommendation, rankedCells, recommend } from "./recommend.js";
import { soFar } from "./verdict.js";

/** The host of a place without an explicit one. */
const THIS_NODE = "node";

/** A comparison of the hosts of a run. */
export interface HostsView {
  /** The hosts in the order of the run. */
  readonly hosts: readonly string[];
  readonly winners: readonly HostWinners[];
  /** The number of workloads and dtypes whose winner differs between hosts. */
  readonly flips: number;
  readonly ratios: readonly HostRatios[];
  readonly starts: readonly Start[];
  /** See `soFar`. */
  readonly soFar: string;
}

/** The start of a backend on each host. */
interface Start {
  readonly backend: string;
  /** From the start of a process, or of a page's browser, to the first gradient, by host, in nanoseconds. */
  readonly coldStartNs: readonly (number | undefined)[];
  /** Bytes that a page fetches until then, compressed; undefined if it ran in no page. */
  readonly downloadBytes: number | undefined;
}

/** The fastest cells of a workload and dtype that can be recommended, by host. */
interface HostWinners {
  readonly workload: string;
  readonly dtype: Cell["dtype"];
  /** The winner on each host; undefined if it has none. */
  readonly on: readonly (Winner | undefined)[];
  /** Two hosts have different fastest backends, each of which had settled on both. */
  readonly flips: boolean;
}

interface Winner {
  readonly backend: string;
  readonly method: string;
  readonly medianNs: number;
  /** The time over that of the fastest of all hosts; undefined if that is below the clock's resolution. */
  readonly ratio: number | undefined;
  /** It is indistinguishable from the fastest of all hosts. */
  readonly isTied: boolean;
}

/** The ratios of a backend's times on a host to those on the first one. */
interface HostRatios {
  readonly backend: string;
  readonly host: string;
  /** The number of cells that both measured. */
  readonly cells: number;
  /** The numbers of cells that had settled on both and are slower or faster by more than the resolution. */
  readonly slower: number;
  readonly faster: number;
  /** The ratios of the gradient times that had settled on both; undefined if none had. */
  readonly settled: SettledRatios | undefined;
  /** The number of cells whose gradients are bit-identical on both. */
  readonly sameBits: number;
}

interface SettledRatios {
  readonly cells: number;
  readonly median: number;
  /** The run cannot tell the median from 1. */
  readonly isTied: boolean;
  readonly range: readonly [least: number, most: number];
}

/**
 * @param all results with named places, see `namePlaces` of core
 * @param constraints on the fastest cells
 * @returns undefined if they are all of one host
 */
export function hostsView(
  all: Results,
  constraints: Constraints = DEFAULT_CONSTRAINTS,
): HostsView | undefined {
  const references = referenceIds(all);
  const results = { ...all, cells: all.cells.filter(({ backend }) => !references.has(backend)) };
  const hosts = [...new Set(results.cells.map((cell) => hostOf(cell)))];
  if (hosts.length < 2) return undefined;
  const records = new Map(results.backends.map((backend) => [backend.id, backend]));
  const isCandidate = ({ backend, isContender }: RankedCell): boolean =>
    isContender && isUsable(records.get(backend), constraints);
  const winners = workloadsAndDtypes(results).flatMap(([workload, dtype]) => {
    const ranked = rankedCells(results, workload, dtype, constraints);
    const ofHosts = hosts.map((host) => ranked.filter((cell) => hostOf(cell) === host));
    const on = ofHosts.map((own) => recommend(own, constraints, results.backends));
    if (on.every(({ best }) => best === undefined)) return [];
    return [
      {
        workload,
        dtype,
        on: compareWinners(on.map(({ best }) => best)),
        flips: hasFlipped(
          on.map((one, index) => toStanding(one, (ofHosts[index] ?? []).filter(isCandidate))),
        ),
      },
    ];
  });
  return {
    hosts,
    winners,
    flips: winners.filter(({ flips }) => flips).length,
    ratios: ratiosTo(hosts, results),
    starts: startsOn(hosts, results.backends),
    soFar: soFar(results.run),
  };
}

function startsOn(hosts: readonly string[], records: Results["backends"]): Start[] {
  const places = records.map(({ id, ...record }) => ({ ...record, place: { backend: id } }));
  const started = places.filter(({ coldStartNs }) => coldStartNs !== undefined);
  return [...new Set(started.map(({ place }) => bareBackend(place)))].map((backend) => {
    const own = started.filter(({ place }) => bareBackend(place) === backend);
    return {
      backend,
      coldStartNs: hosts.map((host) => own.find(({ place }) => hostOf(place) === host)?.coldStartNs),
      downloadBytes: own.find(({ downloadBytes }) => downloadBytes !== undefined)?.downloadBytes,
    };
  });
}

const hostOf = ({ backend }: Pick<Cell, "backend">): string => parsePlace(backend).host ?? THIS_NODE;

const workloadsAndDtypes = ({ cells }: Results): [workload: string, dtype: Cell["dtype"]][] =>
  [...new Set(cells.map(({ workload }) => workload))].flatMap((workload) =>
    DTYPE_IDS.map((dtype): [string, Cell["dtype"]] => [workload, dtype]),
  );

/** A host's part in the question whether the fastest backend differs between hosts. */
interface Standing {
  /** The fastest backend, and those tied with it; empty if there is none. */
  readonly leaders: ReadonlySet<string>;
  /** Backends that the reader can use with a cell whose times had settled: others may be fast here, too. */
  readonly settled: ReadonlySet<string>;
}

/** @param candidates the cells of the host that the constraints allow */
const toStanding = ({ best, tied }: Recommendation, candidates: readonly RankedCell[]): Standing => ({
  leaders: new Set((best ? [best, ...tied] : []).map(bareBackend)),
  settled: new Set(candidates.filter(hasSettled).map(bareBackend)),
});

/** True if two hosts have different leaders, and each one's is known to be slower on the other. */
const hasFlipped = (standings: readonly Standing[]): boolean =>
  standings.some((a) =>
    standings.some(
      (b) =>
        [...a.leaders].some((backend) => b.settled.has(backend)) &&
        [...b.leaders].some((backend) => a.settled.has(backend)) &&
        ![...a.leaders].some((backend) => b.leaders.has(backend)),
    ),
  );

function compareWinners(best: readonly (RankedCell | undefined)[]): (Winner | undefined)[] {
  const [fastest] = best
    .flatMap((cell) => cell ?? [])
    .toSorted((a, b) => a.timing.medianNs - b.timing.medianNs);
  return best.map((cell) => {
    if (!cell || !fastest) return undefined;
    const { medianNs } = cell.timing;
    return {
      backend: bareBackend(cell),
      method: cell.method,
      medianNs,
      ratio: ratioOf(medianNs, fastest.timing.medianNs),
      isTied: areCellsTied(cell, fastest),
    };
  });
}

/** A cell on a host, and the same cell on the first host. */
interface HostPair {
  readonly backend: string;
  readonly host: string;
  readonly ratio: number;
  /** The joint resolution of the two times, as a ratio minus 1. */
  readonly resolution: number;
  readonly isTied: boolean;
  /** Both times had settled. */
  readonly isSettled: boolean;
  readonly isSame: boolean;
}

function ratiosTo([first, ...others]: readonly string[], results: Results): HostRatios[] {
  const pairs = workloadsAndDtypes(results).flatMap(([workload, dtype]) => {
    const ranked = rankedCells(results, workload, dtype, { phase: "gradient" });
    return ranked.flatMap((cell): HostPair[] => {
      const isOther = (one: RankedCell) =>
        hostOf(one) === first && bareBackend(one) === bareBackend(cell) && one.method === cell.method;
      const other = hostOf(cell) === first ? undefined : ranked.find(isOther);
      const ratio = other && ratioOf(cell.timing.medianNs, other.timing.medianNs);
      if (!other || ratio === undefined) return [];
      const findDigest = ({ backend, method }: RankedCell) =>
        results.cells.find(
          (one) =>
            one.backend === backend &&
            one.method === method &&
            one.dtype === dtype &&
            one.workload === workload,
        )?.gradientDigest;
      return [
        {
          backend: bareBackend(cell),
          host: hostOf(cell),
          ratio,
          resolution: resolutionBetween(cell, other),
          isTied: areCellsTied(cell, other),
          isSettled: hasSettled(cell) && hasSettled(other),
          isSame: findDigest(cell) !== undefined && findDigest(cell) === findDigest(other),
        },
      ];
    });
  });
  return [...new Set(results.cells.map(bareBackend))].flatMap((backend) =>
    others.flatMap((host) => {
      const own = pairs.filter((pair) => pair.backend === backend && pair.host === host);
      if (own.length === 0) return [];
      const settled = own.filter(({ isSettled }) => isSettled);
      const apart = settled.filter(({ isTied }) => !isTied);
      return [
        {
          backend,
          host,
          cells: own.length,
          slower: apart.filter(({ ratio }) => ratio > 1).length,
          faster: apart.filter(({ ratio }) => ratio < 1).length,
          settled: settled.length > 0 ? summarizeRatios(settled) : undefined,
          sameBits: own.filter(({ isSame }) => isSame).length,
        },
      ];
    }),
  );
}

/** @param pairs at least one */
function summarizeRatios(pairs: readonly HostPair[]): SettledRatios {
  const ratios = pairs.map(({ ratio }) => ratio);
  // Each true ratio is within the resolution of its pair; their median is between the medians of these bounds.
  const low = median(pairs.map(({ ratio, resolution }) => ratio / (1 + resolution)));
  const high = median(pairs.map(({ ratio, resolution }) => ratio * (1 + resolution)));
  return {
    cells: pairs.length,
    median: median(ratios),
    isTied: low <= 1 && 1 <= high,
    range: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** Shows hosts side by side: the fastest cell on each, and ratios of each backend's times to the first host's. */
export function hostsBlocks({ hosts, winners, flips, ratios, starts, soFar: yet }: HostsView): Block[] {
  return [
    { kind: "heading", level: 2, text: "Hosts" },
    ...(winners.length > 0 ? winnersBlocks(hosts, winners, flips, yet) : [noWinners(yet)]),
    ...(ratios.length > 0 ? ratiosBlocks(hosts, ratios) : [NO_RATIOS]),
    ...(starts.length > 0 ? startsBlocks(hosts, starts) : []),
  ];
}

const noWinners = (yet: string): Block => ({
  kind: "paragraph",
  text: `There is no fastest backend on any host${yet}: no gradient within the error bound has settled times.`,
});
const NO_RATIOS: Block = { kind: "paragraph", text: "No cell was measured on two hosts." };

const winnersBlocks = (
  hosts: readonly string[],
  winners: readonly HostWinners[],
  flips: number,
  yet: string,
): Block[] => [
  {
    kind: "paragraph",
    text: `Fastest${yet} within the error bound on each host; = marks times that cannot be told from the fastest of all. The fastest backend differs between hosts on ${flips} of ${plural(winners.length, "pair")} of workload and dtype.`,
  },
  {
    kind: "table",
    header: ["workload", "dtype", ...hosts],
    numeric: [],
    rows: winners.map(({ workload, dtype, on }) => [
      workload,
      dtype,
      ...on.map((winner) => (winner ? describeWinner(winner) : "none")),
    ]),
  },
];

const ratiosBlocks = ([first]: readonly string[], ratios: readonly HostRatios[]): Block[] => [
  {
    kind: "paragraph",
    text: `Gradient times as ratios to those on ${first}: above 1 is slower. Median, range, slower and faster are of the cells that had settled on both; = marks a median within the joint resolution of 1, and slower and faster count only times further apart than that.`,
  },
  {
    kind: "table",
    header: ["backend", "host", "median ratio", "range", "cells", "settled", "slower", "faster", "same bits"],
    numeric: [2, 4, 5, 6, 7, 8],
    rows: ratios.map((one) => [
      one.backend,
      one.host,
      one.settled ? `${one.settled.isTied ? "= " : ""}${formatRatio(one.settled.median)}` : "",
      one.settled ? one.settled.range.map(formatRatio).join(" to ") : "",
      ...[one.cells, one.settled?.cells ?? 0, one.slower, one.faster, one.sameBits].map(String),
    ]),
  },
];

const startsBlocks = (hosts: readonly string[], starts: readonly Start[]): Block[] => [
  {
    kind: "paragraph",
    text: "Cold start: from the start of a process, or of a page, to the first gradient. A page fetches its files from this machine; their size is that after gzip.",
  },
  { kind: "table", header: ["backend", ...hosts, "a page fetches"], numeric: [], rows: startRows(starts) },
];

/** The rows of the table of cold starts. */
export const startRows = (starts: readonly Start[]): string[][] =>
  starts.map(({ backend, coldStartNs, downloadBytes }) => [
    backend,
    ...coldStartNs.map((ns) => (ns === undefined ? "" : formatDuration(ns))),
    downloadBytes === undefined ? "" : formatBytes(downloadBytes),
  ]);

const describeWinner = ({ backend, method, medianNs, ratio, isTied }: Winner): string => {
  const relation = ratio === undefined || ratio === 1 ? "" : isTied ? ", =" : `, ${formatRatio(ratio)}`;
  return `${backend} ${method} ${formatDuration(medianNs)}${relation}`;
};
