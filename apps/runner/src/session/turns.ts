import { Socket } from "node:net";
import { commandLine } from "@softmax-bench/core";
import { onLine, sendLine } from "@softmax-bench/host-node";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";

/**
 * Turns of several runs that measure one at a time, cell by cell, so that a short disturbance of the machine affects
 * all of them. Each requests its turn over an inherited channel and waits for a line. The next request ends the turn.
 */

/** The descriptor of a run's end of the channel. */
export const TURN_CHANNEL = 3;

/** Runs may `prepare` (start a backend, make inputs) at the same time; to measure a `cell` a run must be alone. */
export const turnRequest = z.strictObject({ wants: z.enum(["prepare", "cell"]) });
export type TurnKind = z.output<typeof turnRequest>["wants"];

export interface Turns {
  /** Resolves when this run may go ahead, or when it is stopped. @throws UsageError if nothing gives turns any more */
  awaitTurn(kind: TurnKind): Promise<void>;
  [Symbol.dispose](): void;
}

/** @throws UsageError if this process was not started by one that gives turns. */
export function inheritedTurns(signal: AbortSignal): Turns {
  let channel: Socket;
  try {
    channel = new Socket({ fd: TURN_CHANNEL, readable: true, writable: true });
  } catch {
    throw new UsageError(
      `--in-turns is for ${commandLine("gate")}, which starts runs with a channel to take turns by`,
    );
  }
  let granted: (() => void) | undefined;
  let lost: ((error: UsageError) => void) | undefined;
  let open = true;
  onLine(channel, () => granted?.());
  channel.on("error", () => {});
  channel.on("close", () => {
    open = false;
    lost?.(gone());
  });
  signal.addEventListener("abort", () => granted?.(), { once: true });
  return {
    awaitTurn: (kind) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return resolve();
        if (!open) return reject(gone());
        [granted, lost] = [resolve, reject];
        sendLine(channel, { wants: kind });
      }),
    [Symbol.dispose]: () => channel.destroy(),
  };
}

const gone = () => new UsageError("the process that gives turns is gone");
