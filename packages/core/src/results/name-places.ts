import { type Place, placeName } from "../place.js";
import type { Results } from "./schema.js";

/**
 * Returns results in which a backend on another host has a name of its own, `wasm-simd@bun`, like another backend:
 * reports then show hosts side by side.
 */
export function namePlaces(results: Results): Results {
  if (!results.hosts?.length) return results;
  const named = <T extends Place>({ host, ...record }: T) => ({
    ...record,
    backend: placeName({ backend: record.backend, host }),
  });
  const { resolution, precision, depth, scaling } = results;
  return {
    ...results,
    backends: results.backends.map(({ host, ...backend }) => ({
      ...backend,
      id: placeName({ backend: backend.id, host }),
    })),
    cells: results.cells.map(named),
    distances: results.distances.map(named),
    ...(resolution
      ? {
          resolution: {
            groups: resolution.groups.map(named),
            identicalPairs: resolution.identicalPairs.map(named),
          },
        }
      : {}),
    ...(precision ? { precision: { ...precision, curves: precision.curves.map(named) } } : {}),
    ...(depth
      ? { depth: { ...depth, networks: depth.networks.map(named), trends: depth.trends.map(named) } }
      : {}),
    ...(scaling
      ? {
          scaling: {
            ...scaling,
            series: scaling.series.map(named),
            threading: scaling.threading.map(named),
          },
        }
      : {}),
  };
}
