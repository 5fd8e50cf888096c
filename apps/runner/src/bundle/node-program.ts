import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Unavailable } from "@softmax-bench/core";
import { CURRENT_RUNTIME, fetchRuntime, RUNTIMES } from "@softmax-bench/host-node";
import { PLATFORM, type ProvideOptions } from "@softmax-bench/provision";
import { UsageError } from "../terminal/errors.js";

/** A Node that a bundle takes along. */
export interface NodeProgram {
  readonly version: string;
  /** The path of the program. */
  readonly executable: string;
  /** The path of its licence. */
  readonly licence: string;
}

/**
 * A Node for a platform: the one that runs this if its version begins with the wanted one and it needs no libraries of
 * this machine's distribution; otherwise from the npm registry, by way of the user's cache.
 *
 * @param wanted the beginning of its version
 * @throws UsageError if it cannot be had, or is too old
 */
export async function findNodeProgram(
  wanted: string,
  platform: string,
  options: ProvideOptions,
): Promise<NodeProgram> {
  const program = currentNode(wanted, platform) ?? (await fetchNode(wanted, platform, options));
  const [major = 0, minor = 0] = program.version.split(".").map(Number);
  const { oldest } = RUNTIMES.node;
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw new UsageError(`--node expects ${oldest.join(".")} or later, got ${program.version}`);
  }
  return program;
}

function currentNode(wanted: string, platform: string): NodeProgram | undefined {
  const { version } = CURRENT_RUNTIME;
  if (platform !== PLATFORM || !`${version}.`.startsWith(`${wanted}.`)) {
    return undefined;
  }
  const usesLibraries = Object.entries(process.config.variables).some(
    ([name, value]) => name.startsWith("node_shared") && (value as unknown) === true,
  );
  const executable = realpathSync(CURRENT_RUNTIME.executable);
  const folder = dirname(dirname(executable));
  const licence = [join(folder, "LICENSE"), join(folder, "share", "doc", "nodejs", "LICENSE")].find((file) =>
    existsSync(file),
  );
  return usesLibraries || !licence ? undefined : { version, executable, licence };
}

async function fetchNode(wanted: string, platform: string, options: ProvideOptions): Promise<NodeProgram> {
  try {
    const executable = await fetchRuntime({ kind: "node", version: wanted }, options, platform);
    const folder = dirname(dirname(executable));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { version, executable, licence: join(folder, "LICENSE") };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    throw new UsageError(
      `there is no Node ${wanted} for ${platform}: ${error.message}; run this where npm reaches its registry, or leave out --node and --platform`,
    );
  }
}
