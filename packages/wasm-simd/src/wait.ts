import type { KernelExports } from "./module.js";
import type { Team } from "./team.js";

/** Returns when none of the workers takes part in the job, which is closed. @throws Error if one has ended */
export function awaitWorkers(kernel: KernelExports, team: Team, threads: number): void {
  for (let thread = 1; thread < threads; thread++) {
    while (kernel.spinWhileAtWork(thread)) {
      team.sleepWhile(kernel.stateWord(thread), () => kernel.isAtWork(thread) !== 0);
    }
  }
}

/** Returns when a chunk is done that some thread has taken. @throws Error if a worker has ended */
export function awaitChunk(kernel: KernelExports, team: Team, chunk: number): void {
  while (!kernel.spinUntilChunkDone(chunk)) {
    team.sleepWhile(kernel.chunkWord(chunk), () => kernel.isChunkDone(chunk) === 0);
  }
}
