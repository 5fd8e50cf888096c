import { schema } from "@softmax-bench/core/results";
import { z } from "zod";
import { run } from "./cli.js";

const report = z.object({ environment: schema.environment, backends: z.array(schema.backend) });

/** Backends that must work on this machine. */
export const REQUIRED = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").filter(Boolean);

/** What `doctor --json` says. */
export async function doctor(env: NodeJS.ProcessEnv = {}, main?: string, cwd?: string) {
  const begun = performance.now();
  const { code, stdout } = await run("doctor", ["--json"], {
    env,
    ...(main ? { main } : {}),
    ...(cwd ? { cwd } : {}),
  });
  const seconds = (performance.now() - begun) / 1e3;
  const { backends } = report.parse(JSON.parse(stdout));
  return { code, backends, seconds, find: (id: string) => backends.find((backend) => backend.id === id) };
}
