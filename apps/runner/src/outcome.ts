import type { CellStatus } from "@softmax-bench/core";
import type { SessionOutcome } from "./backend-session.js";
import type { Computed } from "./protocol.js";

/** What came of a request: the worker's answer, or why there is none in a cell's words. */
export type Conclusion =
  | { readonly status: "ok"; readonly reply: Computed }
  | { readonly status: Exclude<CellStatus, "ok">; readonly reason: string };

export function conclude(backend: string, outcome: SessionOutcome): Conclusion {
  if (outcome.kind === "unavailable") {
    return { status: "unsupported", reason: `${backend} is unavailable: ${outcome.reason}` };
  }
  if (outcome.kind !== "answered") return { status: outcome.kind, reason: outcome.reason };
  const { reply } = outcome;
  if (reply.type === "computed") return { status: "ok", reply };
  if (reply.type === "unsupported") return { status: "unsupported", reason: reply.reason };
  const reason = reply.type === "failed" ? reply.reason : `the worker answered ${reply.type}`;
  return { status: "failed", reason };
}
