import { readFileSync } from "node:fs";
import { isSystemError } from "@softmax-bench/core";
import { BACKENDS } from "../plan/backends.js";
import { isReference } from "../plan/references.js";

/** The contents of a bundle, in the folder of its runner. */
export interface BundleManifest {
  readonly platform: string;
  /** The version of its Node. */
  readonly node: string;
  readonly backends: readonly string[];
  /** The commit that it was made from, with `-dirty` for uncommitted changes; null outside of a checkout. */
  readonly commit: string | null;
}

/** The path of the manifest in the runner's folder. */
export const MANIFEST_FILE = "bundle.json";

/** The bundle that this process runs from; undefined in an installation. */
export const BUNDLE: BundleManifest | undefined = readManifest();

function readManifest(): BundleManifest | undefined {
  try {
    return JSON.parse(readFileSync(new URL(`../../${MANIFEST_FILE}`, import.meta.url), "utf8"));
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}

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
