/**
 * Commands as the user types them: scripts of pnpm in a clone of the repository, a script in a bundle, and a program
 * where the packages are installed. A page knows of none of them, and names the program.
 */

/** The name of the program, where it is installed. */
export const PROGRAM = "softmax-bench";

/** True where this code is in a clone of the repository. Installed packages are in `node_modules`. */
export const IN_CLONE =
  globalThis.process?.versions?.node !== undefined && !import.meta.url.includes("/node_modules/");

/** The path of the script that started this; undefined outside of a bundle, whose script sets the variable. */
const BUNDLE_SCRIPT = IN_CLONE ? undefined : globalThis.process?.env.SOFTMAX_BENCH_COMMAND;

/** Commands that have another name as a script: `pnpm doctor` is a command of pnpm's own. */
const SCRIPTS: Readonly<Record<string, string>> = { doctor: "run doctor" };

/** The line that starts a command here. @param words the command and its arguments: `bench --profile smoke` */
export function commandLine(words: string): string {
  if (IN_CLONE) return `pnpm ${words.replace(/^\S+/, (name) => SCRIPTS[name] ?? name)}`;
  if (BUNDLE_SCRIPT) return `${shellWord(BUNDLE_SCRIPT)} ${words}`;
  // `npx` and scripts find a program that the shell may not know.
  const isByNpm = globalThis.process?.env.npm_command !== undefined;
  return `${isByNpm ? "npx " : ""}${PROGRAM} ${words}`;
}

/**
 * The line that installs missing packages, given as `name@range`. Install scripts of runtimes download native parts from addresses
 * that many networks do not reach, and nothing here needs them.
 */
export const installLine = (packages: readonly string[]): string =>
  IN_CLONE || BUNDLE_SCRIPT
    ? reinstallLine()
    : ["npm install --ignore-scripts", PROGRAM, ...packages].join(" ");

/** The line that replaces damaged packages. */
export function reinstallLine(): string {
  if (IN_CLONE) return "pnpm install --force";
  if (BUNDLE_SCRIPT) return "unpack the bundle again";
  // A page's address is not looked at: it may be anything.
  if (globalThis.process?.versions?.node === undefined) return `install ${PROGRAM} again`;
  const [, folder = ""] = /^(?:file:\/\/)?(.*?)\/node_modules\//.exec(decodeURI(import.meta.url)) ?? [];
  if (/\/_npx\/[^/]+$/.test(folder)) return `rm -r ${shellWord(folder)}, npx's cache, and start npx again`;
  // npm replaces no package that has the right version, even by force.
  const isGlobal = folder.endsWith("/lib");
  return `delete the damaged package's folder in ${folder}/node_modules, and run npm install ${isGlobal ? "--global " : ""}--force ${PROGRAM}`;
}

/** Quotes a word for a POSIX shell, because readers paste commands: anything except plain characters is quoted. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
