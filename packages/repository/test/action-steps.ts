import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { ROOT } from "./root.js";

/**
 * Runs the shell steps of an action or a job as GitHub's runner does: their conditions, the environment with its expressions,
 * and the files in which they leave outputs and the summary. Steps that use other actions are left out.
 */

const step = z.looseObject({
  id: z.string().optional(),
  if: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).default({}),
  "continue-on-error": z.boolean().default(false),
});
export type Step = z.output<typeof step>;

const action = z.object({
  inputs: z.record(z.string(), z.object({ default: z.string().default("") })),
  runs: z.object({ steps: z.array(step) }),
});
const workflow = z.object({ jobs: z.record(z.string(), z.object({ steps: z.array(step) })) });

const read = (file: string): unknown => parse(readFileSync(join(ROOT, file), "utf8"));

/** The steps of the composite action, and the defaults of its inputs. */
export function stepsOfAction(): { steps: readonly Step[]; inputs: Record<string, string> } {
  const { inputs, runs } = action.parse(read("action.yml"));
  const defaults = Object.entries(inputs).map(([name, { default: value }]) => [`inputs.${name}`, value]);
  return { steps: runs.steps, inputs: Object.fromEntries(defaults) };
}

export const stepsOfJob = (file: string, job: string): readonly Step[] =>
  workflow.parse(read(file)).jobs[job]?.steps ?? [];

export interface StepsOutcome {
  /** The exit code of the first step that failed the job; 0 if none did. */
  readonly code: number;
  /** Outputs, as `steps.gate.outputs.folder`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The output of all steps. */
  readonly log: string;
  readonly summary: string;
}

/** @param context values of expressions, as `inputs.baseline` */
export async function runSteps(
  steps: readonly Step[],
  folder: string,
  context: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): Promise<StepsOutcome> {
  const [output, summary] = [join(folder, "..", "output"), join(folder, "..", "summary.md")];
  const values: Record<string, string> = { ...context };
  // A default may be an expression, too.
  const expand = (text: string): string =>
    text.replaceAll(/\$\{\{ ([\w.-]+) \}\}/g, (_, path: string) => expand(values[path] ?? ""));
  writeFileSync(summary, "");
  let [code, log] = [0, ""];
  for (const { id, if: condition, run: script, env: given, ...rest } of steps) {
    const isWanted = condition === undefined ? code === 0 : isTrue(condition, values, code);
    if (id !== undefined) values[`steps.${id}.conclusion`] = isWanted ? "success" : "skipped";
    if (script === undefined || !isWanted) continue;
    writeFileSync(output, "");
    const variables = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, expand(text)]));
    const ended = await runScript(script, folder, {
      ...env,
      ...variables,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
    });
    log += ended.log;
    for (const line of readFileSync(output, "utf8").split("\n").filter(Boolean)) {
      const [name = "", ...text] = line.split("=");
      values[`steps.${id}.outputs.${name}`] = text.join("=");
    }
    if (ended.code !== 0 && !rest["continue-on-error"]) code ||= ended.code;
  }
  return { code, outputs: values, log, summary: readFileSync(summary, "utf8") };
}

/** A condition of the form `always() && a == 'b' && c != ''`. */
function isTrue(condition: string, values: Readonly<Record<string, string>>, code: number): boolean {
  const parts = condition.split(" && ");
  const holds = (part: string): boolean => {
    if (part === "always()") return true;
    const [, path = "", operator, wanted] = /^([\w.-]+) (==|!=) '([^']*)'$/.exec(part) ?? [];
    if (operator === undefined) throw new Error(`no rule for the condition ${part}`);
    return ((values[path] ?? "") === wanted) === (operator === "==");
  };
  return (parts.includes("always()") || code === 0) && parts.every(holds);
}

/** Runs a script as the runner does, while this process may serve what it calls. */
async function runScript(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; log: string }> {
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], { cwd, env });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const [code] = await once(child, "close");
  return { code: code ?? 1, log };
}
