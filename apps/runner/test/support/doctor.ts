import { schema } from "@softmax-bench/core/results";
import type { ExaminedBackend } from "@softmax-bench/report";
import { z } from "zod";
import { probeBackends } from "../../dist/session/probe-backends.js";
import { call, type LaunchOptions, run, within } from "./cli.js";

const report = z.object({ environment: schema.environment, backends: z.array(schema.backend) });

/** Backends that must work on this machine. */
export const REQUIRED = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").filter(Boolean);

/** Seconds: other tests run at the same time. */
const PATIENCE = "60";

/** The answer of `doctor` about one backend. The others need not start: that takes ten seconds of a processor. */
export async function examine(
  backend: string,
  options: Pick<LaunchOptions, "cwd" | "env"> = {},
): Promise<ExaminedBackend | undefined> {
  const [examined] = await within(options, () => probeBackends([backend], Number(PATIENCE)));
  return examined;
}

/** The output of `doctor --json`, given time. */
export async function doctor(env: NodeJS.ProcessEnv = {}, main?: string) {
  const args = ["--json", "--timeout", PATIENCE];
  const ended = main ? run("doctor", args, { env, main }) : call("doctor", args, { env });
  const { code, stdout } = await ended;
  const { backends } = report.parse(JSON.parse(stdout));
  return { code, backends, find: (id: string) => backends.find((backend) => backend.id === id) };
}
