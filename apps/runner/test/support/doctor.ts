import { schema } from "@softmax-bench/core/results";
import { z } from "zod";
import { call, run } from "./cli.js";

const report = z.object({ environment: schema.environment, backends: z.array(schema.backend) });

/** Backends that must work on this machine. */
export const REQUIRED = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").filter(Boolean);

/** Seconds: other tests run at the same time. */
const PATIENCE = "60";

/** The output of `doctor --json`, given time. */
export async function doctor(env: NodeJS.ProcessEnv = {}, main?: string, cwd?: string) {
  const args = ["--json", "--timeout", PATIENCE];
  const options = { env, ...(cwd ? { cwd } : {}) };
  const ended = main ? run("doctor", args, { ...options, main }) : call("doctor", args, options);
  const { code, stdout } = await ended;
  const { backends } = report.parse(JSON.parse(stdout));
  return { code, backends, find: (id: string) => backends.find((backend) => backend.id === id) };
}
