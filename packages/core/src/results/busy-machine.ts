import type { MachineState, Noise, Results } from "./schema.js";

/** Processor cores' worth of other work, and of time taken by the hypervisor, from which a machine counts as busy. */
const BUSY_CORES = 0.15;
/** Drift of the processor's own speed, from the fastest to the slowest moment, from which a machine counts as busy. */
const SPEED_DRIFT = 0.25;

/** Share of disturbed time from which too little undisturbed time is left. */
const MOSTLY_DISTURBED = 0.5;

const OVERLAPPING =
  "Browsers were started while others were measured, as always in this profile: its times mean little.";

/**
 * The reason to doubt a run's times: the machine's other activity; undefined if it was quiet or not observed. Of a merged
 * run, it is that of the busiest part: another one's quiet does not help its times, nor is its processor's speed a drift.
 */
export function busyMachine({
  noise,
  environment,
  machines,
}: Pick<Results, "noise" | "environment" | "machines">): string | undefined {
  if (!noise) return undefined;
  const parts = activityOfParts(noise);
  const others = Math.max(...parts.map((part) => part.others));
  const steal = Math.max(...parts.map((part) => part.steal));
  const drift = Math.max(...parts.map((part) => part.drift));
  const cores = machines?.length ? "its" : environment.cores;
  const causes = [
    ...(others > BUSY_CORES ? [`other programs used ${others.toFixed(1)} of ${cores} cores`] : []),
    ...(steal > BUSY_CORES ? [`the hypervisor took ${steal.toFixed(1)} cores for others`] : []),
    ...(drift > SPEED_DRIFT ? [`the processor's speed varied by ${Math.round(100 * drift)} %`] : []),
    ...((noise.disturbed ?? 0) > MOSTLY_DISTURBED
      ? [
          `others used its cores, or the hypervisor moved them apart, for ${Math.round(100 * (noise.disturbed ?? 0))} % of the time`,
        ]
      : []),
  ];
  const doubts = [
    ...(causes.length > 0
      ? [
          `The machine was busy: ${causes.join(", ")} while this was measured. Repeat it when nothing else runs.`,
        ]
      : []),
    ...(noise.during.some(({ startedNext }) => startedNext) ? [OVERLAPPING] : []),
  ];
  return doubts.length > 0 ? doubts.join(" ") : undefined;
}

interface Activity {
  /** Processor cores' worth, over time. */
  readonly others: number;
  readonly steal: number;
  /** Drift of the processor's speed. */
  readonly drift: number;
}

function activityOfParts({ before, during, after }: Noise): Activity[] {
  const measured = during.length > 0 ? during : [before];
  const all = [before, ...during, ...(after ? [after] : [])];
  return [...new Set(all.map(({ part }) => part))].map((part) => {
    const isOwn = (state: MachineState) => state.part === part;
    const own = measured.filter(isOwn);
    const spins = all.filter(isOwn).flatMap(({ spinNs }) => spinNs || []);
    return {
      others: weightedMean(own, ({ otherCores = 0 }) => otherCores),
      steal: weightedMean(own, ({ steal = 0 }) => steal),
      drift: spins.length > 1 ? Math.max(...spins) / Math.min(...spins) - 1 : 0,
    };
  });
}

/** The mean over time. */
function weightedMean(states: readonly MachineState[], of: (state: MachineState) => number): number {
  const weight = ({ windowNs = 1 }: MachineState) => windowNs;
  const total = states.reduce((sum, state) => sum + weight(state), 0);
  return total > 0 ? states.reduce((sum, state) => sum + of(state) * weight(state), 0) / total : 0;
}
