import { availableParallelism } from "node:os";
import { DTYPE_IDS, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import { describeIssue } from "@softmax-bench/core/results";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";
import { DEFAULT_OUT } from "./default-out.js";
import { type HostRequest, parseHost } from "./host-requests.js";
import { PROFILE_IDS, PROFILES } from "./profiles.js";

const list = z.array(z.string().min(1)).min(1);

/** The options that flags and `bench.config.ts` can set. */
const benchOptions = z
  .strictObject({
    profile: z.enum(PROFILE_IDS).describe("how much, and how long"),
    backends: list.describe("backend ids; default: all"),
    hosts: list.describe("where they run: node, node@24, bun, deno, or a path; default: node"),
    methods: list.describe("globs over method ids; default: all"),
    dtypes: list.describe(`${DTYPE_IDS.join(", ")}; default: ${USUAL_DTYPE_IDS.join(" and ")}`),
    workloads: list.describe("workload ids, shapes NxC or sweeps sweep/<id>; default: the profile's"),
    cells: list.describe("cells as --list prints them; default: all of the matrix"),
    out: z.string().min(1).describe("folder that runs are written to"),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .describe("seed of the inputs"),
    threads: z.int().min(1).max(1024).describe("threads per backend, where it has a choice"),
    timeMs: z.number().positive().describe("milliseconds that the run may take; default: the profile's"),
  })
  .partial();

export type BenchOptions = z.output<typeof benchOptions>;

/** Every setting of a run, with its value. */
export interface Settings {
  readonly profile: keyof typeof PROFILES;
  readonly backends: readonly string[] | undefined;
  /** Undefined for the Node that runs this. */
  readonly hosts: readonly HostRequest[] | undefined;
  readonly methods: readonly string[] | undefined;
  readonly dtypes: readonly string[] | undefined;
  readonly workloads: readonly string[];
  readonly cells: readonly string[] | undefined;
  readonly out: string;
  readonly seed: number;
  readonly threads: number;
  readonly timeMs: number | undefined;
}

/** Merges settings: flags override the config file, and the file overrides the defaults. */
export function resolveSettings(flags: BenchOptions, file: BenchOptions): Settings {
  const chosen = { ...file, ...flags };
  const profile = chosen.profile ?? "default";
  return {
    profile,
    backends: chosen.backends,
    // Cells name their hosts themselves.
    hosts: (flags.cells ? flags.hosts : chosen.hosts)?.map(parseHost),
    methods: chosen.methods,
    dtypes: chosen.dtypes,
    workloads: chosen.workloads ?? PROFILES[profile].workloads,
    cells: chosen.cells,
    out: chosen.out ?? DEFAULT_OUT,
    seed: chosen.seed ?? 0,
    threads: chosen.threads ?? availableParallelism(),
    timeMs: chosen.timeMs,
  };
}

/** @throws UsageError naming the field, if the value is not a set of options. */
export function checkOptions(value: unknown, where: string): BenchOptions {
  const parsed = benchOptions.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${where}: ${describeIssue(parsed.error, value)}`);
}
