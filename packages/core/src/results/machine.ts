import { plural } from "../plural.js";
import type { Environment, Machine, Noise, Results } from "./schema.js";

/**
 * The machine's properties that decide error and time of a gradient: machines with the same id count as one. The kernel
 * and the bytes of memory differ between instances of one type, and decide neither.
 */
export const machineId = ({ cpu, cores, simd, node }: Environment): string =>
  [cpu.slice(0, 120), plural(cores, "core"), ...(simd ? [simd] : []), `Node ${node}`]
    .join(", ")
    .slice(0, 200);

/** The results of one machine of merged results, as if they had not been merged. */
export function resultsOfMachine(
  { machines, noise, ...results }: Results,
  { id }: Pick<Machine, "id">,
): Results {
  const own = ({ machine }: { readonly machine?: string | undefined }) => machine === id;
  return {
    ...results,
    environment: machines?.find((machine) => machine.id === id)?.environment ?? results.environment,
    backends: results.backends.filter(own),
    cells: results.cells.filter(own),
    distances: results.distances.filter(own),
    ...(noise ? noiseOfMachine(noise, id) : {}),
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

/**
 * The noise beside the runs of one machine; all of it in a file that does not say whose it is. The share of disturbed time
 * is that of the most disturbed machine, and says nothing about one of several.
 */
function noiseOfMachine(noise: Noise, id: string): Pick<Results, "noise"> {
  const states = [noise.before, ...noise.during, ...(noise.after ? [noise.after] : [])];
  if (states.every(({ machine }) => machine === undefined)) return { noise };
  const [first, ...others] = states.filter(({ machine }) => machine === id);
  return first ? { noise: { before: first, during: others } } : {};
}
