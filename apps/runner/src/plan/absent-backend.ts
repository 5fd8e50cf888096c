import { type Backend, Unavailable, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import type { Absence } from "../bundle/manifest.js";

/** Stands for a backend whose package is not there. It is unavailable in every process. */
export const absentBackend = (id: string, { reason, remedy }: Absence): Backend => ({
  id,
  dtypes: USUAL_DTYPE_IDS,
  async probe() {
    return { available: false, reason, remedy };
  },
  async open() {
    throw new Unavailable(reason, remedy);
  },
});
