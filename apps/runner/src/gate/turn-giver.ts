import type { Duplex } from "node:stream";
import { onLine, sendLine } from "@softmax-bench/host-node";
import { type Want, wish } from "../session/turns.js";

/** Receives when a run has to wait for its turn, and when it goes on, or hangs up. */
export interface TurnTaker {
  waits(): void;
  goesOn(): void;
}

const UNHEEDED: TurnTaker = { waits: () => {}, goesOn: () => {} };

interface Member {
  readonly channel: Duplex;
  readonly taker: TurnTaker;
  /** What it waits for; undefined while it has its turn, or has not asked yet. */
  wants: Want | undefined;
}

/**
 * Gives turns to runs that were started together. A turn ends when its run asks for the next one, or ends. In every round
 * each run measures one cell, alone, in the order in which they joined; before that all may prepare at the same time.
 */
export class TurnGiver {
  readonly #expected: number;
  #joined = 0;
  #members: Member[] = [];
  #round: Member[] = [];

  /** @param expected how many runs will join before the first turn is given */
  constructor(expected: number) {
    this.#expected = expected;
  }

  join(channel: Duplex, taker: TurnTaker = UNHEEDED): void {
    const member: Member = { channel, taker, wants: undefined };
    this.#joined++;
    this.#members.push(member);
    onLine(channel, (line) => {
      member.wants = wantOf(line);
      taker.waits();
      this.#next();
    });
    channel.on("error", () => {});
    channel.on("close", () => {
      taker.goesOn();
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
  member.taker.goesOn();
  sendLine(member.channel, { go: true });
}

/** What a run of another revision may say is not trusted: anything else than a wish to prepare must wait to be alone. */
function wantOf(line: string): Want {
  try {
    return wish.parse(JSON.parse(line)).wants;
  } catch {
    return "cell";
  }
}
