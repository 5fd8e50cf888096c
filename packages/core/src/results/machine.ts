import { plural } from "../plural.js";
import type { Environment } from "./schema.js";

/**
 * The machine's properties that decide error and time of a gradient: machines with the same id count as one. The kernel
 * and the bytes of memory differ between instances of one type, and decide neither.
 */
export const machineId = ({ cpu, cores, simd, node }: Environment): string =>
  [cpu.slice(0, 120), plural(cores, "core"), ...(simd ? [simd] : []), `Node ${node}`]
    .join(", ")
    .slice(0, 200);
