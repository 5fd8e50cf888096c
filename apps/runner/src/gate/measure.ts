import { plural, uniformSource } from "@softmax-bench/core";
import {
  decidingBlocks,
  differing,
  drawOrder,
  type Limits,
  measurable,
  nondeterministic,
  type ProcessRun,
  ROUTING_BLOCKS,
  type Role,
  routedKeys,
} from "@softmax-bench/regression";
import type { BusyWatch } from "../run/machine/busy-watch.js";
import type { Baseline } from "./baseline.js";
import { type Checkout, measureIn, measureInTurns, type PassOptions } from "./checkout.js";
import { blockSeconds, errorSeconds } from "./expected-time.js";
import { isTimeOver, type TimeBudget } from "./time-budget.js";

/** Number of processes per side that compare a gradient with the oracle if it is not always the same. */
const ERROR_PROCESSES = 3;
/** The profile of errors, taken where times are not: it compares gradients and spends no time on timing. */
export const ERROR_PROFILE = "smoke";

/** Profiles that take digests: one takes nothing else; the other, times too, and every baseline knows it. */
export type DigestProfile = "digests" | "gate";

/** The two stages, in words. */
const LOOKS = { route: "first look", decide: "second look" } as const;

export interface GateRun extends Omit<PassOptions, "profile"> {
  readonly baseline: Baseline;
  /** The same folder as the baseline's for a null comparison, which needs no other control. */
  readonly candidate: Checkout;
  readonly limits: Limits;
  /** Only times, with the errors of gradients that are not the same, or only errors; undefined for both. */
  readonly only?: "times" | "errors" | undefined;
  /** A profile that each side knows and that takes digests; `digests` by default. */
  readonly digestProfiles?: Readonly<Record<"baseline" | "candidate", DigestProfile>> | undefined;
  /** The time for everything; no limit if absent. */
  readonly budget?: TimeBudget;
  readonly watch?: BusyWatch;
  /** Multiple of the usual number of blocks that decide; 1 by default. */
  readonly blockFactor?: number;
  readonly say: (line: string) => void;
}

/**
 * Measures two checkouts in turns: a first stage of a few blocks over all cells, errors, and a second stage of new
 * blocks over the cells that the first one routes, with the baseline's revision against itself as a control.
 */
export async function measureGate(run: GateRun): Promise<ProcessRun[]> {
  const { baseline, candidate, limits, seed, budget, watch, say } = run;
  const uniform = uniformSource("gate/orientation", seed);
  const passes: ProcessRun[] = [];
  const checkoutFor = async (role: Role) => (role === "candidate" ? candidate : baseline.checkout());
  // Milliseconds that the slowest block takes for an expected second: of the stage, or until that has one, of the one before.
  let pace = 0;
  const measureBlocks = async (
    stage: "route" | "decide",
    count: number,
    roles: readonly Role[],
    cells: string[],
  ) => {
    let paceOfStage = 0;
    for (let block = 0; block < count; block++) {
      const expected = blockSeconds(cells, roles.length);
      const reserved = stage === "route" && run.only === undefined ? errorSeconds(cells) : 0;
      if (budget?.allows(pace * (expected + reserved)) === false && passes.length > 0) {
        return budget.cut(LOOKS[stage], block, count);
      }
      say(`${LOOKS[stage]}: block ${block + 1} of ${count}, ${plural(cells.length, "cell")}`);
      const [begun, complete] = [performance.now(), passes.length];
      await watch?.begin();
      try {
        for (const half of drawOrder(roles, uniform)) {
          const checkouts = await Promise.all(half.map(checkoutFor));
          const measured = await measureInTurns(checkouts, { ...run, profile: "gate", cells });
          for (const [index, results] of measured.entries()) {
            passes.push({ stage, block, role: half[index] as Role, asked: cells, results });
          }
        }
      } catch (error) {
        if (!budget || complete === 0 || !isTimeOver(run.signal)) throw error;
        // The blocks before this one count.
        passes.length = complete;
        return budget.cut(LOOKS[stage], block, count);
      }
      await watch?.end();
      paceOfStage = Math.max(paceOfStage, (performance.now() - begun) / expected);
      pace = paceOfStage;
      // Missing cells cannot be measured.
      if (stage === "route" && block === 0) cells = measurable(passes);
      if (cells.length === 0) return;
    }
  };

  if (run.only === "errors") passes.push(...(await takeDigests(run)));
  else await measureBlocks("route", ROUTING_BLOCKS, ["baseline", "candidate"], [...run.cells]);
  await measureErrors(run, passes, async (role, cells) => {
    const measure = async (signal: AbortSignal) =>
      measureIn(await checkoutFor(role), { ...run, signal, profile: ERROR_PROFILE, cells });
    const results = await (budget
      ? budget.attempt("comparing all gradients with the oracle", run.signal, measure)
      : measure(run.signal));
    if (results) passes.push({ stage: "errors", block: 0, role, asked: cells, results });
    return results !== undefined;
  });
  const routed = routedKeys(passes, limits);
  if (routed.length > 0) {
    const isNull = (await baseline.checkout()).folder === candidate.folder;
    const roles: Role[] = ["baseline", "candidate", ...(isNull ? [] : (["control"] as const))];
    const blocks = decidingBlocks(routed.length, watch?.reason) * (run.blockFactor ?? 1);
    await measureBlocks("decide", blocks, roles, routed);
  }
  return passes;
}

/**
 * Digests of both sides: first the candidate's, then the baseline's, except for those that earlier gates found to be what
 * the candidate gives now.
 */
async function takeDigests(run: GateRun): Promise<ProcessRun[]> {
  const { baseline, candidate, cells, digestProfiles, say } = run;
  const profileOf = (role: "baseline" | "candidate") => digestProfiles?.[role] ?? "digests";
  const known = profileOf("baseline") === "digests" ? baseline.known : undefined;
  const take = async (
    role: "baseline" | "candidate",
    checkout: Checkout,
    asked: readonly string[],
  ): Promise<ProcessRun> => {
    const results = await measureIn(checkout, { ...run, profile: profileOf(role), cells: asked });
    return { stage: "digests", block: 0, role, asked, results };
  };
  const knownCount = cells.filter((cell) => known?.has(cell)).length;
  const note = knownCount > 0 ? `, ${knownCount} of them known of ${baseline.name}` : "";
  say(`digests of ${plural(cells.length, "gradient")}${note}`);
  const ofCandidate = await take("candidate", candidate, cells);
  const same = known?.matching(ofCandidate.results);
  const settled = new Set(same?.asked);
  const others = cells.filter((cell) => !settled.has(cell));
  if (others.length === 0) return [ofCandidate, ...(same ? [same] : [])];
  const why = knownCount > 0 ? ": not known, or not what the candidate gives" : "";
  say(`digests of ${plural(others.length, "gradient")} of ${baseline.name}${why}`);
  const ofBaseline = await take("baseline", await baseline.checkout(), others);
  return [ofCandidate, ofBaseline, ...(same ? [same] : [])];
}

/**
 * Errors of the candidate's gradients, and of the baseline's if they differ.
 * @param measure returns false if there was no time for it
 */
async function measureErrors(
  { only, say }: GateRun,
  passes: readonly ProcessRun[],
  measure: (role: Role, cells: readonly string[]) => Promise<boolean>,
): Promise<void> {
  const ofCandidate = only === undefined ? measurable(passes) : differing(passes);
  if (ofCandidate.length === 0) return;
  say(`errors of ${plural(ofCandidate.length, "gradient")}`);
  if (!(await measure("candidate", ofCandidate))) return;
  const others = differing(passes);
  if (others.length > 0) {
    say(`errors of ${plural(others.length, "gradient")} of the baseline`);
    if (!(await measure("baseline", others))) return;
  }
  const varying = nondeterministic(passes);
  for (let process = 1; varying.length > 0 && process < ERROR_PROCESSES; process++) {
    say(`errors again, of ${plural(varying.length, "gradient")} that differ from process to process`);
    if (!(await measure("candidate", varying)) || !(await measure("baseline", varying))) return;
  }
}
