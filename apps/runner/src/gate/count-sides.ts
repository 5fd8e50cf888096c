import { cellKey } from "@softmax-bench/core";
import { type Comparison, withInstructions } from "@softmax-bench/regression";
import { type Checkout, listIn } from "./checkout.js";
import { COUNTED, type Counted, compareInstructions, explainUncounted } from "./instructions.js";
import type { GateRequest } from "./request.js";
import { oneSided, workloadFlags } from "./selection.js";

/** Counts the instructions of the selection's cells that both sides have. */
export async function countSides(
  request: GateRequest,
  baseline: Checkout,
  candidate: Checkout,
): Promise<Counted> {
  const list = (checkout: Checkout, flags: readonly string[]) =>
    listIn(checkout, ["--profile", "gate", ...flags], request);
  const asked: string[] = [];
  for (const flags of countedFlags(request.selection.flags)) asked.push(...(await list(candidate, flags)));
  if (asked.length === 0) {
    const note = `No instructions were counted: only those of ${[...COUNTED.keys()].join(", ")} are.`;
    return { cells: [], notCompared: [], notes: [note], processes: [] };
  }
  const has = new Set(await list(baseline, workloadFlags(asked)));
  const cells = asked.filter((cell) => has.has(cell));
  const counted = await compareInstructions({ ...request, baseline, candidate, cells });
  const absent = asked
    .filter((cell) => !has.has(cell))
    .map((cell) => oneSided(cell, "only the candidate has it"));
  return { ...counted, notCompared: [...counted.notCompared, ...absent] };
}

/**
 * Flags of the selection's counted cells, on workloads for that unless it names some: a list for each backend; none if no backend
 * is counted.
 */
function countedFlags(flags: readonly string[]): string[][] {
  const flagValue = (flag: string) => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
  const cells = flagValue("--cell")?.split(",");
  if (cells) {
    const counted = cells.filter((cell) => [...COUNTED.keys()].some((id) => cell.startsWith(`${id} `)));
    return counted.length > 0 ? [["--cell", counted.join(",")]] : [];
  }
  const named = flagValue("--backend")?.split(",");
  const kept = ["--method", "--dtype"].flatMap((flag) => {
    const value = flagValue(flag);
    return value === undefined ? [] : [flag, value];
  });
  return [...COUNTED]
    .filter(([id]) => !named || named.includes(id) || named.includes("all"))
    .map(([id, usual]) => {
      const workloads = flagValue("--workload") ?? usual.join(",");
      return ["--backend", id, "--workload", workloads, ...kept];
    });
}

/** The comparison with counts beside its times. */
export function addCounts(comparison: Comparison, { cells, notCompared, notes }: Counted): Comparison {
  const together = withInstructions(comparison, cells);
  const backends = [...new Set(comparison.cells.map(({ backend }) => backend))];
  const known = new Set([...together.cells, ...together.notCompared].map(cellKey));
  return {
    ...together,
    notes: [...together.notes, ...notes, ...explainUncounted(backends, comparison.candidate.environment)],
    notCompared: [...together.notCompared, ...notCompared.filter((cell) => !known.has(cellKey(cell)))],
  };
}
