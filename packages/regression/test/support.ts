import { normalSource, uniformSource } from "@softmax-bench/core";
import {
  type Block,
  decide,
  decidingBlocks,
  drawOrder,
  isRouted,
  type Limits,
  notRouted,
  ROUTING_BLOCKS,
  type Role,
  type TimeComparison,
} from "@softmax-bench/regression";

/** The variation of processes: relative standard deviations of their medians, and what else befalls a shared machine. */
export interface Noise {
  readonly process: number;
  /** Chance of a process that a neighbour slows down, and by how much at most. */
  readonly outliers: number;
  readonly outlierSize: number;
  /** Standard deviation of the steps of a random walk from process to process. */
  readonly drift: number;
}

/** Like the shared machine of MEASURING: medians of processes range over 4 to 6 %, some are disturbed, speed drifts. */
export const REALISTIC: Noise = { process: 0.02, outliers: 0.03, outlierSize: 0.3, drift: 0.004 };

/** A job of the gate with made-up processes: every cell as slow as the machine is, times its slowdown. */
export function simulateJob(
  slowdowns: readonly number[],
  limits: Limits,
  seed: number,
  noise: Noise = REALISTIC,
  busy?: string,
): TimeComparison[] {
  const uniform = uniformSource("job", seed);
  const normal = normalSource("job", seed);
  let speed = 0;
  /** Medians of all cells in one process. */
  const processOf = (role: Role): number[] => {
    speed += noise.drift * normal();
    const shared = noise.process * normal() * 0.7;
    return slowdowns.map((slowdown) => {
      const disturbed = uniform() < noise.outliers ? noise.outlierSize * uniform() : 0;
      const own = noise.process * normal() * 0.7;
      const slower = role === "candidate" ? Math.log1p(slowdown) : 0;
      return 1e6 * Math.exp(speed + shared + own + disturbed + slower);
    });
  };
  const measure = (count: number, roles: readonly Role[], cells: readonly number[]): Block[][] => {
    const blocks = Array.from({ length: count }, () => {
      const taken: Record<Role, number[][]> = { baseline: [], candidate: [], control: [] };
      for (const role of drawOrder(roles, uniform).flat()) taken[role].push(processOf(role));
      return taken;
    });
    return cells.map((cell) =>
      blocks.map((taken) => {
        const pair = (role: Role) => [taken[role][0]?.[cell] ?? 0, taken[role][1]?.[cell] ?? 0] as const;
        const control = roles.includes("control") ? { control: pair("control") } : {};
        return { baseline: pair("baseline"), candidate: pair("candidate"), ...control };
      }),
    );
  };
  const all = slowdowns.map((_, index) => index);
  const first = measure(ROUTING_BLOCKS, ["baseline", "candidate"], all);
  const routed = all.filter((cell) => isRouted(first[cell] ?? [], limits));
  const roles: readonly Role[] = ["baseline", "candidate", "control"];
  const decided = decide(measure(decidingBlocks(routed.length, busy), roles, routed), limits, busy);
  return all.map((cell) => decided[routed.indexOf(cell)] ?? notRouted(first[cell] ?? [], limits));
}
