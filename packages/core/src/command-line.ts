/**
 * Commands as the user types them: scripts of pnpm in a clone of the repository, and a program where the packages are
 * installed. A page knows of neither, and names the program.
 */

const PROGRAM = "softmax-bench";

/** True where this code is in a clone of the repository. Installed packages are in `node_modules`. */
export const IN_CLONE =
  globalThis.process?.versions?.node !== undefined && !import.meta.url.includes("/node_modules/");

/** Commands that have another name as a script: `pnpm doctor` is a command of pnpm's own. */
const SCRIPTS: Readonly<Record<string, string>> = { doctor: "run doctor", "validate-gate": "validate:gate" };

/** The line that starts a command here. @param words the command and its arguments: `bench --profile smoke` */
export function commandLine(words: string): string {
  if (IN_CLONE) return `pnpm ${words.replace(/^\S+/, (name) => SCRIPTS[name] ?? name)}`;
  // `npx` and scripts find a program that the shell may not know.
  const isByNpm = globalThis.process?.env.npm_command !== undefined;
  return `${isByNpm ? "npx " : ""}${PROGRAM} ${words}`;
}

/**
 * The line that installs missing packages, given as `name@range`. Install scripts of runtimes download native parts from addresses
 * that many networks do not reach, and nothing here needs them.
 */
export const installLine = (packages: readonly string[]): string =>
  IN_CLONE ? REINSTALL_LINE : ["npm install --ignore-scripts", PROGRAM, ...packages].join(" ");

/** The line that replaces damaged packages. */
export const REINSTALL_LINE = IN_CLONE ? "pnpm install --force" : "rm -r node_modules && npm install";
