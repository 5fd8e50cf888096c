import type { Target } from "./targets/target.js";

/** An action that no reader may take with any file. */
export interface Fault {
  /** Equal for inputs that fail in the same place. */
  readonly kind: string;
  readonly detail: string;
}

/** The outcome of a file: its content, a refusal with a clear message, or a fault. */
export type Outcome = "read" | "refused" | Fault;

const LONGEST_MESSAGE = 1000;

/** Characters that command a terminal, or hide and reorder text there. */
export const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

/** Reads a file as a target does. Never throws. @returns the outcome */
export function examine(target: Target, file: Uint8Array, folder: string): Outcome {
  let use: () => readonly string[];
  try {
    use = target.read(file, folder);
  } catch (error) {
    return faultOfError(error, target) ?? faultOfPrototypes() ?? "refused";
  }
  try {
    return use().map(faultOfText).find(Boolean) ?? faultOfPrototypes() ?? "read";
  } catch (error) {
    return { kind: `use: ${locateError(error)}`, detail: detailOf(error) };
  }
}

function faultOfError(error: unknown, { refusals }: Target): Fault | undefined {
  if (!(error instanceof Error) || !refusals.some((refusal) => error instanceof refusal)) {
    return { kind: `error: ${locateError(error)}`, detail: detailOf(error) };
  }
  const { message } = error;
  if (message.length > LONGEST_MESSAGE)
    return { kind: `long message: ${locateError(error)}`, detail: message };
  if (CONTROL.test(message)) return { kind: `control character: ${locateError(error)}`, detail: message };
  return undefined;
}

function faultOfText(text: string): Fault | undefined {
  const [control] = CONTROL.exec(text.replaceAll("\n", "")) ?? [];
  return control === undefined ? undefined : { kind: "control character: printed", detail: text };
}

function faultOfPrototypes(): Fault | undefined {
  if (!("polluted" in {})) return undefined;
  Reflect.deleteProperty(Object.prototype, "polluted");
  return { kind: "prototype", detail: "Object.prototype was changed" };
}

const detailOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? String(error)) : String(error);

/** An error's class and the place where it was thrown. */
function locateError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frame =
    (error.stack ?? "").split("\n").find((line) => /^ +at .*\/(packages|apps)\//.test(line)) ?? "";
  return `${error.name} ${/\(?([^/\s]*\/[^/\s]*\/[^/\s]*):\d+\)?$/.exec(frame)?.[1] ?? ""}`;
}
