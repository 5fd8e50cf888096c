import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { schema } from "@softmax-bench/core/results";
import { git } from "../fs/repository.js";
import { describeEnvironment, instructionSets } from "../run/machine/environment.js";
import type { Checkout } from "./checkout.js";
import { lockfilePaths } from "./dependencies.js";
import { hashLockfile, isOwn } from "./own-repository.js";

/** Everything that the digests of a commit's gradients may depend on, as JSON: other conditions, other digests. */
export type DigestConditions = Readonly<Record<string, unknown>>;

/** Variables that runtimes, their libraries, Node and the dynamic linker read. */
const VARIABLES =
  /^(?:CUDA|DNNL|GLIBC|GOMP|KMP|LD|MALLOC|MKL|NODE|NVIDIA|OMP|ONEDNN|OPENBLAS|ORT|TF|VK|XLA)_|^LIBTENSORFLOW_DIR$|^UV_THREADPOOL_SIZE$/;

/** The part of a gate's request that decides digests. */
interface DigestRequest {
  readonly seed: number;
  readonly threads: number;
  readonly prepare: string | undefined;
}

/** @param checkout any of the same repository, for the folder of its config */
export async function describeConditions(
  commit: string,
  checkout: Checkout,
  { seed, threads, prepare }: DigestRequest,
): Promise<DigestConditions> {
  const { cpu, cores, node, versions } = describeEnvironment();
  const folder = isOwn(checkout) ? relative(checkout.root, checkout.folder) : "";
  return {
    commit,
    folder,
    lockfile: (await committedLockfiles(commit, folder)) || (hashLockfile(checkout) ?? null),
    prepare: prepare ?? null,
    profile: "digests",
    schemaVersion: schema.SCHEMA_VERSION,
    seed,
    threads,
    node,
    versions,
    cpu,
    cores,
    instructions: instructionSets().join(" "),
    system: `${process.platform} ${process.arch} ${hashOf(textOf("/etc/os-release"))}`,
    variables: Object.entries(process.env)
      .filter(([name]) => VARIABLES.test(name))
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  };
}

/** Git's names for the content of the lockfiles of a commit; empty if it has none. */
const committedLockfiles = (commit: string, folder: string): Promise<string> =>
  git("ls-tree", "--full-tree", commit, "--", ...lockfilePaths(folder));

/** Distribution and version, which decide the system's mathematical library. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);
