import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { messageOf, Unavailable } from "@softmax-bench/core";
import {
  CommandError,
  PLATFORM,
  type ProvideOptions,
  provide,
  readOutput,
  run,
} from "@softmax-bench/provision";
import { CURRENT_RUNTIME, RUNTIMES, type Runtime, type RuntimeKind } from "./runtimes.js";

/** A runtime as a user names it: `node@24`, `bun`, or the path of its program. */
export interface RuntimeRequest {
  readonly kind: RuntimeKind;
  /** The beginning of the wanted version: `24`, `24.9`; absent for any. */
  readonly version?: string | undefined;
  readonly path?: string | undefined;
}

/** Longer than a runtime takes to print its version, in milliseconds. */
const VERSION_TIMEOUT_MS = 20_000;

/** The most bytes of disk space that a runtime's package takes while npm unpacks it. */
const UNPACKING_BYTES = 600e6;

/**
 * Finds a runtime: at its path; else this process's own, or the one on the PATH, if its version is the requested one;
 * else in the user's cache, where it is installed from the npm registry.
 *
 * @param options for installing it; undefined: it is not installed
 * @throws Unavailable if there is none, or if the program is another one
 */
export async function findRuntime(
  request: RuntimeRequest,
  options: ProvideOptions | undefined,
): Promise<Runtime> {
  const { kind, version, path } = request;
  if (path !== undefined) return requireVersion(request, path);
  if (kind === "node" && isVersion(CURRENT_RUNTIME.version, version)) return CURRENT_RUNTIME;
  const installed = await onPath(kind);
  if (installed !== undefined) {
    const found = await requireVersion({ kind }, installed).catch(() => undefined);
    if (found && isVersion(found.version, version)) return found;
  }
  return requireVersion(request, await fetchRuntime(request, options));
}

/** True if a version begins with the wanted one. */
const isVersion = (version: string, wanted: string | undefined): boolean =>
  wanted === undefined || `${version}.`.startsWith(`${wanted}.`);

async function requireVersion(
  { kind, version: wanted }: RuntimeRequest,
  executable: string,
): Promise<Runtime> {
  const { name, oldest } = RUNTIMES[kind];
  const version = await readVersion(kind, executable);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw new Unavailable(
      `${executable} is ${name} ${version}, and softmax-bench needs ${oldest.join(".")} or later`,
      `name a later one, such as --host ${kind}@${oldest[0]}`,
    );
  }
  if (!isVersion(version, wanted)) {
    throw new Unavailable(`${executable} is ${name} ${version}, not ${wanted}`, "name another version");
  }
  return { kind, executable, version };
}

async function readVersion(kind: RuntimeKind, executable: string): Promise<string> {
  const { name, version } = RUNTIMES[kind];
  const remedy = `name the program of ${name}: --host ${kind}=/path/to/${kind}`;
  let printed: string;
  try {
    printed = await readOutput([executable, "--version"], VERSION_TIMEOUT_MS);
  } catch (error) {
    const [line] = messageOf(error).split("\n");
    throw new Unavailable(`${executable} does not print the version of ${name}: ${line}`, remedy);
  }
  const found = version.exec(printed)?.[1];
  if (found !== undefined) return found;
  const got = JSON.stringify(printed.slice(0, 40).trim());
  throw new Unavailable(`expected ${executable} --version to print that of ${name}, got ${got}`, remedy);
}

async function onPath(command: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(folder, command);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder && isThere) return file;
  }
  return undefined;
}

/**
 * The program of a runtime for a platform such as `linux-arm64`, which may be another one than this, in the user's cache.
 * It is installed from the npm registry if it is missing.
 * @returns its path
 * @throws Unavailable if it cannot be had
 */
export async function fetchRuntime(
  { kind, version = "latest" }: RuntimeRequest,
  options: ProvideOptions | undefined,
  platform = PLATFORM,
): Promise<string> {
  const { name, npmPackage, packageBytes } = RUNTIMES[kind];
  const byPath = `install it and name its program: --host ${kind}=/path/to/${kind}`;
  const wanted = version === "latest" ? name : `${name} ${version}`;
  const source = npmPackage(platform);
  if (!source) throw new Unavailable(`the npm registry has no ${name} for ${platform}`, byPath);
  if (!options) throw new Unavailable(`there is no ${wanted} here`, `leave out --no-provision, or ${byPath}`);
  const specifier = `${source.name}@${version}`;
  // npm refuses a package for another platform unless it is forced.
  const flags = platform === PLATFORM ? NPM_FLAGS : [...NPM_FLAGS, "--force"];
  const folder = await provide(
    {
      name: `${kind}-${version}-${platform}`,
      space: UNPACKING_BYTES,
      cost: { title: wanted, downloadBytes: packageBytes, buildSeconds: 5 },
      async build(target, { progress, signal }) {
        progress(`downloading ${wanted} (${specifier}, ${packageBytes / 1e6} MB)`);
        try {
          await run("npm", ["install", "--prefix", target, ...flags, specifier], {
            signal,
            quiet: true,
            env: { npm_config_cache: join(target, ".npm"), npm_config_ignore_scripts: "true" },
          });
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
          const reason = error.found ? `npm does not get ${specifier}: ${error.message}` : "npm is missing";
          throw new Unavailable(reason, byPath);
        }
      },
    },
    options,
  );
  return join(folder, "node_modules", source.name, source.executable);
}

const NPM_FLAGS = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
