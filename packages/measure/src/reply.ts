import { describeIssue } from "@softmax-bench/core/results";
import { type Reply, reply } from "./protocol.js";

/** Reading of a worker's messages, which may have any content. */

/** A reply, or a description of the fault in it. */
export function parseReply(line: string): Reply | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return excerpt(line);
  }
  const parsed = reply.safeParse(value);
  return parsed.success ? parsed.data : describeIssue(parsed.error, value);
}

/** The beginning of a received line, for a message. */
export const excerpt = (line: string): string => JSON.stringify(line.slice(0, 60));

/** Milliseconds as seconds: `10 s`, `3.81 s`. */
export const formatTimeout = (ms: number): string => `${Number((ms / 1000).toPrecision(3))} s`;
