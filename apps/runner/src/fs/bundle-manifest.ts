import { readFileSync } from "node:fs";
import { isSystemError } from "@softmax-bench/core";

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
