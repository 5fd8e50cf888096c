import { type Depth, type GradientsOverSeeds, type NetworkRecord, placeName } from "@softmax-bench/core";
import { median, medianInterval, powerLawExponent } from "@softmax-bench/stats";
import type { DepthSettings } from "../../results/journal/entries.js";
import { REFERENCE } from "./reference.js";

const QUANTITIES: Readonly<
  Record<Depth["trends"][number]["of"], (whole: GradientsOverSeeds) => readonly number[] | undefined>
> = {
  distance: ({ distance }) => distance.relL2.samples,
  reordering: ({ reordering }) => reordering.relL2.samples,
  "error/manual": ({ error }) => error?.manual.samples,
  "error/autograd": ({ error }) => error?.autograd.samples,
};

/** The results' section on the networks of a run. */
export function depthSection(
  { depths: _, training, ...settings }: DepthSettings,
  networks: readonly NetworkRecord[],
): Depth {
  return {
    ...settings,
    ...(training ? { training } : {}),
    reference: `${REFERENCE.backend} in float64, ${REFERENCE.method}, every sum in another order`,
    networks: [...networks],
    trends: fitTrends(networks),
  };
}

/** The growth of each quantity with depth, on each backend. */
function fitTrends(networks: readonly NetworkRecord[]): Depth["trends"] {
  const groups = new Map<string, NetworkRecord[]>();
  for (const network of networks) {
    const key = `${placeName(network)} ${network.dtype}`;
    groups.set(key, [...(groups.get(key) ?? []), network]);
  }
  return [...groups.values()].flatMap((group) =>
    Object.entries(QUANTITIES).flatMap(([of, samplesOf]) => {
      const { backend, host, dtype } = group[0] as NetworkRecord;
      const measured = group.flatMap(({ depth, whole }) => {
        const samples = whole && samplesOf(whole);
        return samples ? [{ depth, samples }] : [];
      });
      const seeds = measured[0]?.samples ?? [];
      const exponents = seeds.flatMap(
        (_, seed) =>
          powerLawExponent(measured.map(({ depth, samples }) => [depth, samples[seed] as number])) ?? [],
      );
      if (exponents.length < seeds.length || exponents.length === 0) return [];
      const { low, high, coverage } = medianInterval(exponents);
      const exponent = median(exponents);
      return [
        {
          backend,
          host,
          dtype,
          of: of as Depth["trends"][number]["of"],
          exponent,
          ci: [low, high],
          coverage,
        },
      ];
    }),
  );
}
