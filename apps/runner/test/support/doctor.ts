import { schema } from "@softmax-bench/core/results";
import { z } from "zod";
import { run } from "./cli.js";

const report = z.object({ environment: schema.environment, backends: z.array(schema.backend) });

/** Backends that must work on this machine. */
export const REQUIRED = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").filter(Boolean);

/** Seconds: other tests run at the same time. */
const PATIENCE = "60";

/** What `doctor --json` says, given time. */
export async function doctor(env: NodeJS.ProcessEnv = {}, main?: string, cwd?: string) {
  const { code, stdout } = await run("doctor", ["--json", "--timeout", PATIENCE], {
    env,
    ...(main ? { main } : {}),
    ...(cwd ? { cwd } : {}),
  });
  const { backends } = report.parse(JSON.parse(stdout));
  return { code, backends, find: (id: string) => backends.find((backend) => backend.id === id) };
}
