import type { BackendRecord, Results } from "@softmax-bench/core";

/**
 * The factors other than the code that decide times and errors. Differences in `machine` make times incomparable; a
 * difference in `software` is the probable cause of any other.
 */
export interface Differences {
  readonly machine: readonly string[];
  readonly software: readonly string[];
}

/** The parts of a run that say what it ran on. */
export type Fingerprint = Pick<Results, "environment" | "hosts" | "backends">;

/** The differences between two runs in machine and software, each in a few words: `Node v20.20.0 → v22.1.0`. */
export function findDifferences(a: Results, b: Results): Differences {
  const change = (name: string, from: unknown, to: unknown): string[] =>
    from === undefined || to === undefined || from === to ? [] : [`${name} ${from} → ${to}`];
  const [x, y] = [a.environment, b.environment];
  return {
    machine: [
      ...change("processor", x.cpu, y.cpu),
      ...change("cores", x.cores, y.cores),
      ...change("SIMD", x.simd, y.simd),
    ],
    software: [
      ...change("Node", x.node, y.node),
      ...change("system", x.os, y.os),
      ...b.backends.flatMap((backend) => backendChanges(a, backend)),
    ],
  };
}

/** The changes in the runtime of one backend. */
export const findCauses = (a: Fingerprint, b: Fingerprint, id: string): string[] => {
  const backend = b.backends.find((candidate) => candidate.id === id);
  return backend ? backendChanges(a, backend) : [];
};

function backendChanges({ backends }: Fingerprint, after: BackendRecord): string[] {
  const before = backends.find(({ id }) => id === after.id);
  if (before?.status !== "available" || after.status !== "available") return [];
  const settings = ({ settings = {} }: BackendRecord) =>
    Object.entries(settings)
      .map((setting) => setting.join(": "))
      .join(", ") || "none";
  const changes: [name: string, from: unknown, to: unknown][] = [
    [after.engine?.name ?? "runtime", before.engine?.version, after.engine?.version],
    [`${after.id} on`, before.device?.name, after.device?.name],
    [`threads of ${after.id}`, before.threads, after.threads],
    [`settings of ${after.id}`, settings(before), settings(after)],
  ];
  return changes
    .filter(([, from, to]) => from !== undefined && to !== undefined && from !== to)
    .map(([name, from, to]) => `${name} ${from} → ${to}`);
}
