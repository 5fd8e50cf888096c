import type { Backend } from "@softmax-bench/core";
import { BACKENDS } from "./backends.js";

/** Backends by id; ids that name none are left out. */
export async function loadBackends(ids: Iterable<string>): Promise<ReadonlyMap<string, Backend>> {
  const loaded = await Promise.all([...ids].map(async (id) => [id, await BACKENDS[id]?.()] as const));
  return new Map(loaded.flatMap(([id, backend]) => (backend ? [[id, backend] as const] : [])));
}
