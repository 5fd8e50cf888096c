import { type CellStatus, type Place, placeName } from "@softmax-bench/core";
import type { Finished, Reply } from "@softmax-bench/measure";
import type { SessionOutcome } from "./backend-session.js";

/** The outcome of a request: the worker's answer, or the reason for its absence in a cell's terms. */
export type TaskOutcome<Type extends Finished["type"]> =
  | { readonly status: "ok"; readonly reply: Extract<Finished, { type: Type }> }
  | { readonly status: Exclude<CellStatus, "ok">; readonly reason: string };

/** @param wanted the answer that the request asks for */
export function toTaskOutcome<Type extends Finished["type"]>(
  place: Place,
  outcome: SessionOutcome,
  wanted: Type,
): TaskOutcome<Type> {
  if (outcome.kind === "unavailable") {
    return { status: "unsupported", reason: `${placeName(place)} is unavailable: ${outcome.reason}` };
  }
  if (outcome.kind !== "answered") return { status: outcome.kind, reason: outcome.reason };
  const { reply } = outcome;
  if (hasType(reply, wanted)) return { status: "ok", reply };
  if (reply.type === "unsupported") return { status: "unsupported", reason: reply.reason };
  const reason = reply.type === "failed" ? reply.reason : `the worker answered ${reply.type}`;
  return { status: "failed", reason };
}

const hasType = <Type extends Finished["type"]>(
  reply: Reply,
  type: Type,
): reply is Extract<Finished, { type: Type }> => reply.type === type;
