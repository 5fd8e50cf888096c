import { reinstallLine } from "@softmax-bench/core";
import type { Crash } from "@softmax-bench/measure";

/** Remedies for backends that do not start, each for one kind of failure. */

/** For a runtime whose files differ from the installed ones. */
const REINSTALL = `${reinstallLine()}, which replaces damaged files`;

/** Codes of errors with which Node refuses a module or a native addon. */
const DAMAGE_CODES = new Set([
  "ERR_DLOPEN_FAILED",
  "ERR_INVALID_PACKAGE_CONFIG",
  "ERR_MODULE_NOT_FOUND",
  "ERR_PACKAGE_PATH_NOT_EXPORTED",
  "MODULE_NOT_FOUND",
]);

/**
 * The remedy for an error that was thrown while a backend started: its own, damaged files, or the code that throws
 * it.
 */
export function remedyForThrown(error: unknown): string {
  if (error instanceof Error && "remedy" in error && typeof error.remedy === "string") return error.remedy;
  const { code, name, stack = "" } = error instanceof Error ? (error as NodeJS.ErrnoException) : { name: "" };
  const isRefused =
    DAMAGE_CODES.has(code ?? "") || ["SyntaxError", "CompileError", "LinkError"].includes(name);
  const place = /(?:file:\/\/)?(\/[^\s()]+:\d+:\d+)/.exec(stack)?.[1];
  if (isRefused || place?.includes("/node_modules/")) return REINSTALL;
  return place ? `repair what throws it: ${place}` : "repair what throws it";
}

/**
 * The remedy for a worker that died while its backend started.
 * @param replace the remedy that reinstalls the backend's native parts
 */
export function remedyForCrash({ cause, reason }: Crash, replace: string | undefined): string {
  switch (cause) {
    case "not started":
      return "let the system start another process: free memory, or raise the limit of processes (ulimit -u)";
    case "memory":
      return "give it more memory: NODE_OPTIONS=--max-old-space-size=<MiB>";
    case "ended by force":
      return "give the machine or the container more memory, unless somebody else killed it";
    case "native":
      return replace ? `${replace}, or else ${REINSTALL}` : REINSTALL;
    case "protocol":
      return "keep its code from using file descriptor 3, over which the worker answers, and have it return what Backend in @softmax-bench/core describes";
    case "exited":
      // Before any answer: a module that every worker imports is damaged.
      if (/\b(?:ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|SyntaxError)\b/.test(reason)) return REINSTALL;
      return "find out what ends its process: NODE_OPTIONS=--trace-exit prints where process.exit is called";
  }
}
