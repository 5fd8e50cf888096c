import { type Backend, Unavailable, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import { BUNDLE } from "../fs/bundle-manifest.js";
import { BACKENDS } from "./backends.js";
import { isReference } from "./references.js";

/** The reason why a backend cannot be had, and what would help. */
export interface Absence {
  readonly reason: string;
  readonly remedy: string;
}

/** The absence of a backend of this repository from the bundle; undefined for any other, and if this is no bundle. */
export function findAbsence(id: string, bundle = BUNDLE): Absence | undefined {
  if (!bundle || !Object.hasOwn(BACKENDS, id) || bundle.backends.includes(id)) return undefined;
  // References run in the Python of the machine.
  if (isReference(id)) return undefined;
  const backends = [...bundle.backends, id].join(",");
  return {
    reason: "not in this bundle",
    remedy: `make one with it: pnpm bundle --backend ${backends} --platform ${bundle.platform}`,
  };
}

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
