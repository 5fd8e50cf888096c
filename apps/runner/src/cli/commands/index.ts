import type { Command as Definition } from "commander";
import type { Console } from "../../terminal/console.js";

type Command = (argv: readonly string[], console: Console) => Promise<number>;

/**
 * Every command by the name that users type, loaded when it is started: what one of them needs is half of all. Each
 * takes its arguments and returns its exit code.
 */
export const COMMANDS = {
  bench: async () => (await import("./bench.js")).bench,
  report: async () => (await import("./report.js")).report,
  merge: async () => (await import("./merge.js")).merge,
  compare: async () => (await import("./compare.js")).compare,
  history: async () => (await import("./history.js")).history,
  gate: async () => (await import("./gate.js")).gate,
  comment: async () => (await import("./comment.js")).comment,
  "validate-gate": async () => (await import("./validate-gate.js")).validateGate,
  precision: async () => (await import("./precision.js")).precision,
  depth: async () => (await import("./depth.js")).depth,
  scaling: async () => (await import("./scaling.js")).scaling,
  limit: async () => (await import("./limit.js")).limit,
  gradcheck: async () => (await import("./gradcheck.js")).gradcheck,
  gradient: async () => (await import("./gradient.js")).gradient,
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
  merge: () => import("./merge.js"),
  compare: () => import("./compare.js"),
  history: () => import("./history.js"),
  gate: () => import("./gate.js"),
  comment: () => import("./comment.js"),
  "validate-gate": () => import("./validate-gate.js"),
  precision: () => import("./precision.js"),
  depth: () => import("./depth.js"),
  scaling: () => import("./scaling.js"),
  limit: () => import("./limit.js"),
  gradcheck: () => import("./gradcheck.js"),
  gradient: () => import("./gradient.js"),
  judge: () => import("./judge.js"),
  export: () => import("./export.js"),
  doctor: () => import("./doctor.js"),
  provision: () => import("./provision.js"),
  bundle: () => import("./bundle.js"),
  completion: () => import("./completion.js"),
};

export type CommandId = keyof typeof COMMANDS;

export const COMMAND_IDS = Object.keys(COMMANDS) as readonly CommandId[];

export const isCommand = (name: string | undefined): name is CommandId =>
  name !== undefined && Object.hasOwn(COMMANDS, name);
