/** Why something cannot be had here, and what would help. */
export class Unavailable extends Error {
  readonly remedy: string;

  constructor(reason: string, remedy: string) {
    super(reason);
    this.remedy = remedy;
  }
}
