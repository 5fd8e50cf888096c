/** The message of any thrown value. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An error of the operating system, such as a full disk: its message says what failed, in which call and where. */
export interface SystemError extends Error {
  /** The error code, such as `ENOSPC`. */
  readonly code: string;
  readonly syscall: string;
}

export const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && "code" in error && "syscall" in error;
