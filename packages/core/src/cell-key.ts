/** What identifies a cell: as `pnpm bench --list` prints it. */
export const cellKey = (cell: { backend: string; method: string; dtype: string; workload: string }): string =>
  [cell.backend, cell.method, cell.dtype, cell.workload].join(" ");
