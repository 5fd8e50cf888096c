import type { BackendRecord } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";

/** A backend as several processes saw it: the median cold start, the largest memory. None of none. */
export function combineBackends(records: readonly BackendRecord[]): BackendRecord[] {
  const last = records.findLast(({ status }) => status === "available") ?? records.at(-1);
  if (!last) return [];
  const coldStarts = records.flatMap(({ coldStartNs }) => coldStartNs ?? []);
  const peaks = records.flatMap(({ peakRssBytes }) => peakRssBytes ?? []);
  return [
    {
      ...last,
      ...(coldStarts.length ? { coldStartNs: median(coldStarts) } : {}),
      ...(peaks.length ? { peakRssBytes: Math.max(...peaks) } : {}),
    },
  ];
}

/** Adds up wall time by purpose. */
export function sumByPurpose(spent: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const [purpose, ns] of spent.flatMap((wallNs) => Object.entries(wallNs))) {
    total.set(purpose, (total.get(purpose) ?? 0) + ns);
  }
  return Object.fromEntries(total);
}
