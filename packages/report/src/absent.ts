import type { Block } from "./block.js";

/** Work without a result. */
export interface Absent {
  readonly backend: string;
  readonly method: string;
  readonly dtype?: string | undefined;
  readonly status: string;
  readonly reason?: string | undefined;
}

/** Groups what did not run by reason: `tfjs-wasm float64, 10 methods: unsupported, …`. @param several plural noun */
export function absentList(absent: readonly Absent[], several = "methods"): Block[] {
  const groups = new Map<string, Absent[]>();
  for (const item of absent) {
    const key = JSON.stringify([item.backend, item.dtype, item.status, item.reason]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  const items = [...groups.values()].map((group) => {
    const { backend, dtype, status, reason = "no reason given", method } = group[0] as Absent;
    const methods = new Set(group.map((item) => item.method));
    const what = methods.size === 1 ? method : `${methods.size} ${several}`;
    return `${[backend, dtype].filter(Boolean).join(" ")}, ${what}: ${status}, ${reason}`;
  });
  return items.length ? [{ kind: "list", items }] : [];
}
