import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { describeIssue } from "@softmax-bench/core/results";
import type { BrowserKind } from "@softmax-bench/host-browser";
import { z } from "zod";
import { currentCommit } from "../../fs/repository.js";
import { describeEnvironment } from "../../run/machine/environment.js";
import { UsageError } from "../../terminal/errors.js";

/** A file of JSON lines, a header and then one for each finished part, so that what was stopped goes on where it was. */

/** Fields of every header: where it was measured, and of what. */
export const circumstances = {
  commit: z.string().nullable(),
  cpu: z.string(),
  cores: z.int(),
  node: z.string(),
  /** The browser whose pages are gated; absent for processes of Node. */
  browser: z.string().optional(),
  startedAt: z.iso.datetime(),
};

/** Those of now, but for the time. */
export function describeCircumstances(browser: BrowserKind | undefined) {
  const { cpu, cores, node } = describeEnvironment();
  return { commit: currentCommit(), cpu, cores, node, ...(browser && { browser }) };
}

/** @throws UsageError if the journal was begun with uncommitted changes: nothing tells whether those of now are the same */
export function requireCommitted(file: string, commit: string | null): void {
  if (!commit?.endsWith("-dirty")) return;
  throw new UsageError(
    `${file} was begun with changes that are not committed, and so may be these; commit them, and delete it or choose another --out`,
  );
}

export const appendLine = (file: string, value: object): void =>
  appendFileSync(file, `${JSON.stringify(value)}\n`);

/**
 * The lines of a journal; undefined if there are none. A last line that was cut short is removed from the file.
 * @throws UsageError naming an invalid line, or two of the same part.
 */
export function readLines<H, P extends { readonly id: string }>(
  file: string,
  schemas: { readonly header: z.ZodType<H>; readonly part: z.ZodType<P> },
): { header: H; parts: P[] } | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const complete = bytes.lastIndexOf("\n") + 1;
  if (complete < bytes.length) truncateSync(file, complete);
  const lines = bytes.subarray(0, complete).toString("utf8").split("\n").slice(0, -1);
  const parse = <T>(schema: z.ZodType<T>, index: number): T => {
    let value: unknown;
    try {
      value = JSON.parse(lines[index] ?? "");
    } catch {
      throw new UsageError(`${file}:${index + 1}: not JSON; delete the file to start again`);
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new UsageError(
      `${file}:${index + 1}: ${describeIssue(parsed.error, value)}; delete the file to start again`,
    );
  };
  if (lines.length === 0) return undefined;
  const parts = lines.slice(1).map((_, index) => parse(schemas.part, index + 1));
  for (const [index, { id }] of parts.entries()) {
    const first = parts.findIndex((other) => other.id === id);
    if (first === index) continue;
    throw new UsageError(
      `${file}:${index + 2} is of ${id}, as line ${first + 2} is; remove one of the two lines, or delete the file to start again`,
    );
  }
  return { header: parse(schemas.header, 0), parts };
}

/** @throws UsageError if what is to be done now is not what the journal was begun with */
export function requireSame<T extends object>(file: string, then: T, now: T): void {
  const keys = Object.keys({ ...then, ...now }) as (keyof T & string)[];
  const other = keys.find((key) => then[key] !== now[key]);
  if (!other) return;
  throw new UsageError(
    `${file} was begun with ${other} ${then[other]}, and now it is ${now[other]}; delete it, or choose another --out`,
  );
}
