/** A backend and the host that it runs on; without a host it is `node`, the Node that started the run. */
export interface Place {
  readonly backend: string;
  readonly host?: string | undefined;
}

/** The host of references. They run nowhere else, and their names do without it. */
export const REFERENCE_HOST = "python";

/** `wasm-simd`, or `wasm-simd@bun` on another host than `node`; `pytorch`, a reference. */
export const placeName = ({ backend, host }: Place): string =>
  host === undefined || host === REFERENCE_HOST ? backend : `${backend}@${host}`;

/** The place that a name is of. The host may have an `@` of its own: `wasm-simd@node@24`. */
export function parsePlace(name: string): Place {
  const at = name.indexOf("@");
  return at < 0 ? { backend: name } : { backend: name.slice(0, at), host: name.slice(at + 1) };
}

/** What identifies a cell: as `pnpm bench --list` prints it. */
export const cellKey = (cell: Place & { method: string; dtype: string; workload: string }): string =>
  [placeName(cell), cell.method, cell.dtype, cell.workload].join(" ");
