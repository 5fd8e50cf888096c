import type { Engine } from "@softmax-bench/core";
import { type Answer, resourceUse } from "./answer.js";
import type { Platform } from "./platform.js";
import type { CountRequest } from "./protocol.js";
import type { SyntheticInputs } from "./scale.js";

/**
 * Computes a gradient between marks, for a simulator of the processor that counts the instructions between them. The
 * calls before the first mark let the engine optimise its code.
 */
export async function executeCounted(
  engine: Engine,
  { type: _, warmupCalls, segments, callsPerSegment, ...task }: CountRequest,
  synthetic: SyntheticInputs,
  platform: Platform,
): Promise<Answer> {
  const { mark } = platform;
  if (!mark) return { reply: { type: "unsupported", reason: "no simulator counts instructions here" } };
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };
  const start = platform.now();
  await using prepared = await engine.prepare(task, synthetic.of(task));
  const compiled = platform.now();
  for (let call = 0; call < warmupCalls; call++) await prepared.gradient();
  for (let segment = 0; segment < segments; segment++) {
    mark();
    for (let call = 0; call < callsPerSegment; call++) await prepared.gradient();
  }
  mark();
  return { reply: { type: "counted", marks: segments + 1, ...resourceUse(platform, start, compiled) } };
}
