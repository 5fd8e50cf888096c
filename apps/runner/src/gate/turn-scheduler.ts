import type { Duplex } from "node:stream";
import { onLine, sendLine } from "@softmax-bench/host-node";
import { type TurnKind, turnRequest } from "../session/turns.js";

/** Receives an event when a run waits for its turn, goes on, or hangs up. */
export interface TurnObserver {
  onWait(): void;
  onResume(): void;
}

const IGNORE_TURNS: TurnObserver = { onWait: () => {}, onResume: () => {} };

interface Member {
  readonly channel: Duplex;
  readonly observer: TurnObserver;
  /** The turn that it waits for; undefined while it has its turn, or before its first request. */
  wants: TurnKind | undefined;
}

/**
 * Gives turns to runs that were started together. A turn ends when its run requests the next one, or ends. In every
 * round each run measures one cell, alone, in the order in which they joined. Before that, all may prepare at the same
 * time.
 */
export class TurnScheduler {
  readonly #expected: number;
  #joined = 0;
  #members: Member[] = [];
  #round: Member[] = [];

  /** @param expected number of runs that join before the first turn is given */
  constructor(expected: number) {
    this.#expected = expected;
  }

  join(channel: Duplex, observer: TurnObserver = IGNORE_TURNS): void {
    const member: Member = { channel, observer, wants: undefined };
    this.#joined++;
    this.#members.push(member);
    onLine(channel, (line) => {
      member.wants = parseTurnRequest(line);
      observer.onWait();
      this.#next();
    });
    channel.on("error", () => {});
    channel.on("close", () => {
      observer.onResume();
      const others = (list: Member[]) => list.filter((one) => one !== member);
      [this.#members, this.#round] = [others(this.#members), others(this.#round)];
      this.#next();
    });
  }

  #next(): void {
    if (this.#joined < this.#expected || this.#members.some(({ wants }) => !wants)) return;
    if (this.#round.length === 0) {
      const preparing = this.#members.filter(({ wants }) => wants === "prepare");
      for (const member of preparing) grant(member);
      if (preparing.length > 0) return;
      this.#round = [...this.#members];
    }
    const next = this.#round.shift();
    if (next) grant(next);
  }
}

function grant(member: Member): void {
  member.wants = undefined;
  member.observer.onResume();
  sendLine(member.channel, { go: true });
}

/**
 * Reads a request for a turn. It comes from another revision and is not trusted: all but a request to prepare waits
 * to be alone.
 */
function parseTurnRequest(line: string): TurnKind {
  try {
    return turnRequest.parse(JSON.parse(line)).wants;
  } catch {
    return "cell";
  }
}
