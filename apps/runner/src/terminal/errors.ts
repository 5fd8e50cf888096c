/** Exit codes of every command; documented in docs/cli.md and in `--help`. */
export const EXIT = {
  ok: 0,
  /** No backend is available, or a cell of an available backend failed, crashed or timed out. */
  failure: 1,
  /** Wrong usage, or the harness itself failed. */
  usage: 2,
  /** Nothing can be compared. */
  incomparable: 3,
  interrupted: 130,
} as const;

/** An error that the user can fix, in one line: what was expected, what came, what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Two sides that cannot be compared, in one line: which, why, what to do. Its exit code is `incomparable`. */
export class IncomparableError extends Error {
  override readonly name = "IncomparableError";
}
