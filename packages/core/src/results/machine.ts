import { plural } from "../plural.js";
import type { Environment, Machine, Results } from "./schema.js";

/**
 * The machine's properties that decide error and time of a gradient: machines with the same id count as one. The kernel
 * and the bytes of memory differ between instances of one type, and decide neither.
 */
export const machineId = ({ cpu, cores, simd, node }: Environment): string =>
  [cpu.slice(0, 120), plural(cores, "core"), ...(simd ? [simd] : []), `Node ${node}`]
    .join(", ")
    .slice(0, 200);

/** The results of one machine of merged results, as if they had not been merged. */
export function resultsOfMachine({ machines, ...results }: Results, { id }: Pick<Machine, "id">): Results {
  const own = ({ machine }: { readonly machine?: string | undefined }) => machine === id;
  return {
    ...results,
    environment: machines?.find((machine) => machine.id === id)?.environment ?? results.environment,
    backends: results.backends.filter(own),
    cells: results.cells.filter(own),
    distances: results.distances.filter(own),
    ...(results.resolution
      ? {
          resolution: {
            groups: results.resolution.groups.filter(own),
            identicalPairs: results.resolution.identicalPairs.filter(own),
          },
        }
      : {}),
  };
}
