/** A backend and its host; without a host it is `node`, the Node that started the run. */
export interface Place {
  readonly backend: string;
  readonly host?: string | undefined;
}

/** The host of references. They run nowhere else, and their names do without it. */
export const REFERENCE_HOST = "python";

/** `wasm-simd`, or `wasm-simd@bun` on another host than `node`; `pytorch`, a reference. */
export const placeName = ({ backend, host }: Place): string =>
  host === undefined || host === REFERENCE_HOST ? backend : `${backend}@${host}`;

/** Parses the name of a place. The host may contain an `@` itself: `wasm-simd@node@24`. */
export function parsePlace(name: string): Place {
  const at = name.indexOf("@");
  return at < 0 ? { backend: name } : { backend: name.slice(0, at), host: name.slice(at + 1) };
}

/** The identifier of a cell, as printed by `pnpm bench --list`. */
export const cellKey = (cell: Place & { method: string; dtype: string; workload: string }): string =>
  [placeName(cell), cell.method, cell.dtype, cell.workload].join(" ");
