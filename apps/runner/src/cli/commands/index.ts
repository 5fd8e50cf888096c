import type { Command as Definition } from "commander";
import type { Console } from "../../terminal/console.js";

type Command = (argv: readonly string[], console: Console) => Promise<number>;

/**
 * Every command by its name, loaded when it is started: what one of them needs is half of all. Each takes its arguments
 * and returns its exit code.
 */
export const COMMANDS = {
  bench: async () => (await import("./bench.js")).bench,
  report: async () => (await import("./report.js")).report,
  "report merge": async () => (await import("./merge.js")).merge,
  "report history": async () => (await import("./history.js")).history,
  compare: async () => (await import("./compare.js")).compare,
  gate: async () => (await import("./gate.js")).gate,
  comment: async () => (await import("./comment.js")).comment,
  "gate validate": async () => (await import("./validate-gate.js")).validateGate,
  "study precision": async () => (await import("./precision.js")).precision,
  "study depth": async () => (await import("./depth.js")).depth,
  "study scaling": async () => (await import("./scaling.js")).scaling,
  "study limit": async () => (await import("./limit.js")).limit,
  check: async () => (await import("./check.js")).check,
  try: async () => (await import("./try.js")).tryLogits,
  judge: async () => (await import("./judge.js")).judge,
  export: async () => (await import("./export.js")).exportModel,
  doctor: async () => (await import("./doctor.js")).doctor,
  provision: async () => (await import("./provision.js")).provision,
  bundle: async () => (await import("./bundle.js")).bundle,
  completion: async () => (await import("./completion.js")).completion,
} satisfies Readonly<Record<string, () => Promise<Command>>>;

/** The module of every command, which exports its definition: its options, and what `--help` prints. */
export const DEFINITIONS: Readonly<Record<CommandId, () => Promise<{ command(): Definition }>>> = {
  bench: () => import("./bench.js"),
  report: () => import("./report.js"),
  "report merge": () => import("./merge.js"),
  "report history": () => import("./history.js"),
  compare: () => import("./compare.js"),
  gate: () => import("./gate.js"),
  comment: () => import("./comment.js"),
  "gate validate": () => import("./validate-gate.js"),
  "study precision": () => import("./precision.js"),
  "study depth": () => import("./depth.js"),
  "study scaling": () => import("./scaling.js"),
  "study limit": () => import("./limit.js"),
  check: () => import("./check.js"),
  try: () => import("./try.js"),
  judge: () => import("./judge.js"),
  export: () => import("./export.js"),
  doctor: () => import("./doctor.js"),
  provision: () => import("./provision.js"),
  bundle: () => import("./bundle.js"),
  completion: () => import("./completion.js"),
};

export type CommandId = keyof typeof COMMANDS;

/** Names that commands had before; they keep working, and no list has them. */
export const FORMER_NAMES: Readonly<Record<string, CommandId>> = {
  merge: "report merge",
  history: "report history",
  "validate-gate": "gate validate",
  precision: "study precision",
  depth: "study depth",
  scaling: "study scaling",
  limit: "study limit",
  gradcheck: "check",
  gradient: "try",
};

/** Commands that lists have. `doctor --fix` has taken the place of `provision`. */
export const COMMAND_IDS = (Object.keys(COMMANDS) as CommandId[]).filter((id) => id !== "provision");

/** The first words of all commands. */
export const FIRST_WORDS: readonly string[] = [
  ...new Set(COMMAND_IDS.map((id) => id.split(" ", 1)[0] ?? id)),
];

/** A command as a user typed it. */
export interface TypedCommand {
  readonly id: CommandId;
  /** The words that name it. */
  readonly name: string;
  readonly argv: readonly string[];
}

/** Finds the command that a line begins with; undefined if there is none. */
export function findCommand(words: readonly string[]): TypedCommand | undefined {
  const [first = ""] = words;
  const both = words.slice(0, 2).join(" ");
  if (isCommand(both)) return { id: both, name: both, argv: words.slice(both.split(" ").length) };
  const id = Object.hasOwn(FORMER_NAMES, first) ? FORMER_NAMES[first] : first;
  return isCommand(id) ? { id, name: first, argv: words.slice(1) } : undefined;
}

const isCommand = (name: string | undefined): name is CommandId =>
  name !== undefined && Object.hasOwn(COMMANDS, name);
