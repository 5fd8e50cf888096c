import { cellKey } from "@softmax-bench/core";
import { type Comparison, withInstructions } from "@softmax-bench/regression";
import { type Checkout, listIn } from "./checkout.js";
import {
  COUNTED_BACKENDS,
  COUNTED_WORKLOADS,
  type Counted,
  compareInstructions,
  explainUncounted,
} from "./instructions.js";
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
  const flags = countedFlags(request.selection.flags);
  const asked = flags ? await list(candidate, flags) : [];
  if (asked.length === 0) {
    const note = `No instructions were counted: only those of ${COUNTED_BACKENDS.join(", ")} are.`;
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

/** The flags with those of its backends that are counted, on workloads for that unless it names some; undefined if no backend is counted. */
function countedFlags(flags: readonly string[]): string[] | undefined {
  const flagValue = (flag: string) => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
  const cells = flagValue("--cell")?.split(",");
  if (cells) {
    const counted = cells.filter((cell) => COUNTED_BACKENDS.some((id) => cell.startsWith(`${id} `)));
    return counted.length > 0 ? ["--cell", counted.join(",")] : undefined;
  }
  const named = flagValue("--backend")?.split(",");
  const backends = COUNTED_BACKENDS.filter((id) => !named || named.includes(id) || named.includes("all"));
  if (backends.length === 0) return undefined;
  const kept = ["--method", "--dtype"].flatMap((flag) => {
    const value = flagValue(flag);
    return value === undefined ? [] : [flag, value];
  });
  const workloads = flagValue("--workload") ?? COUNTED_WORKLOADS.join(",");
  return ["--backend", backends.join(","), "--workload", workloads, ...kept];
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
