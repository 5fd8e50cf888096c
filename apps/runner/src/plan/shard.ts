import type { Shard } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";

/** All of a matrix. */
export const WHOLE: Shard = { index: 1, count: 1 };

/** More parts than any matrix is split into. Each missing part is named. */
export const MOST_SHARDS = 99_999;

/**
 * The variables that give a process its index among equal ones, by system. Only the names with an asterisk in the
 * comments are ours: the system knows the number, and the manifest has to pass it on.
 */
const SYSTEMS: readonly System[] = [
  // https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode; * SHARD_COUNT
  {
    name: "a Kubernetes indexed Job",
    index: "JOB_COMPLETION_INDEX",
    read: (number) => ({ index: number("JOB_COMPLETION_INDEX") + 1, count: number("SHARD_COUNT") }),
  },
  // https://slurm.schedmd.com/job_array.html
  { name: "a Slurm array", index: "SLURM_ARRAY_TASK_ID", read: slurmTask },
  // https://docs.gitlab.com/ci/variables/predefined_variables/: an index from 1, and only with `parallel`
  {
    name: "GitLab's parallel",
    index: "CI_NODE_INDEX",
    read: (number) => ({ index: number("CI_NODE_INDEX"), count: number("CI_NODE_TOTAL") }),
  },
  // https://docs.github.com/actions/reference/workflows-and-actions/contexts#strategy-context; * both
  {
    name: "a GitHub Actions matrix",
    index: "STRATEGY_JOB_INDEX",
    read: (number) => ({ index: number("STRATEGY_JOB_INDEX") + 1, count: number("STRATEGY_JOB_TOTAL") }),
  },
];

interface System {
  readonly name: string;
  /** The variable that is set if and only if the system is present. */
  readonly index: string;
  /** @param number the whole number in a variable */
  read(number: (variable: string) => number): Shard;
}

/** An array's indices may start and step in any way, as in `--array=0-6:2`, but must not be a list such as `1,2,5`. */
function slurmTask(number: (variable: string) => number): Shard {
  const [id, first, last, count] = ["ID", "MIN", "MAX", "COUNT"].map((what) =>
    number(`SLURM_ARRAY_TASK_${what}`),
  ) as [number, number, number, number];
  const step = count > 1 ? (last - first) / (count - 1) : 1;
  const index = (id - first) / step + 1;
  if (!Number.isInteger(step) || !Number.isInteger(index)) {
    throw new UsageError(
      `--shard auto expects array indices at equal steps, got ${count} from ${first} to ${last} and ${id} among them; use --array=1-${count}, or --shard i/n`,
    );
  }
  return { index, count };
}

/**
 * Reads `--shard`: `2/4`, or `auto` for the shard of the environment.
 * @throws UsageError if it is not a shard.
 */
export function resolveShard(flag: string, environment: NodeJS.ProcessEnv): Shard {
  const shard = flag === "auto" ? shardInEnvironment(environment) : parseShard(flag);
  if (shard.count < 1 || shard.index < 1 || shard.index > shard.count) {
    throw new UsageError(
      `--shard expects an index from 1 to the number of shards, got ${shard.index}/${shard.count}`,
    );
  }
  if (shard.count > MOST_SHARDS)
    throw new UsageError(`--shard expects at most ${MOST_SHARDS} shards, got ${shard.count}`);
  return shard;
}

function parseShard(flag: string): Shard {
  const [, index, count] = /^(\d{1,5})\/(\d{1,5})$/.exec(flag) ?? [];
  if (index === undefined || count === undefined) {
    throw new UsageError(`--shard expects i/n, such as 2/4, or auto; got ${JSON.stringify(flag)}`);
  }
  return { index: Number(index), count: Number(count) };
}

function shardInEnvironment(environment: NodeJS.ProcessEnv): Shard {
  const found = SYSTEMS.filter(({ index }) => environment[index] !== undefined);
  const [system, another] = found;
  if (!system) {
    const known = SYSTEMS.map(({ name, index }) => `${index} (${name})`).join(", ");
    throw new UsageError(`--shard auto finds none of ${known}; say which: --shard i/n`);
  }
  if (another) {
    throw new UsageError(
      `--shard auto finds both ${system.index} (${system.name}) and ${another.index} (${another.name}); say which: --shard i/n`,
    );
  }
  return system.read((variable) => {
    const value = environment[variable];
    if (value !== undefined && /^\d{1,9}$/.test(value)) return Number(value);
    const got = value === undefined ? "nothing" : JSON.stringify(value);
    throw new UsageError(`--shard auto in ${system.name} expects a number in ${variable}, got ${got}`);
  });
}
