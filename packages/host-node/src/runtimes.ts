/** The JavaScript runtimes whose processes backends run in. */
export const RUNTIME_KINDS = ["node", "bun", "deno"] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** A runtime on this machine. */
export interface Runtime {
  readonly kind: RuntimeKind;
  /** The path of its program. */
  readonly executable: string;
  /** `24.9.0` */
  readonly version: string;
}

interface RuntimeTraits {
  /** The name as its makers write it. */
  readonly name: string;
  /** The arguments before the program of a worker. */
  readonly flags: readonly string[];
  /** Variables that a worker starts with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Finds the version in what `--version` prints. */
  readonly version: RegExp;
  /** The oldest version that this project runs in. */
  readonly oldest: readonly [major: number, minor: number];
  /** The size of its package of the npm registry, which is much the same for all platforms. */
  readonly packageBytes: number;
  /**
   * The package of the npm registry that holds the program for a platform such as `linux-x64`, and the program's path in
   * it; undefined without one.
   */
  npmPackage(platform: string): { readonly name: string; readonly executable: string } | undefined;
}

/**
 * mitata allocates 8 MiB for every list of samples. In a nursery of the usual size that starts collections of
 * the whole heap among the samples; this one holds the arrays of several cells.
 */
const V8_FLAGS = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

export const RUNTIMES: Readonly<Record<RuntimeKind, RuntimeTraits>> = {
  node: {
    name: "Node.js",
    flags: V8_FLAGS,
    environment: {},
    version: /^v(\d+\.\d+\.\d+)/,
    oldest: [20, 19],
    packageBytes: 53e6,
    npmPackage(platform) {
      const known = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"].includes(platform);
      return known ? { name: `node-${platform}`, executable: "bin/node" } : undefined;
    },
  },
  bun: {
    name: "Bun",
    flags: ["--expose-gc"],
    environment: {},
    version: /^(\d+\.\d+\.\d+)/,
    oldest: [1, 2],
    packageBytes: 52e6,
    npmPackage(platform) {
      const name = platform.replace("arm64", "aarch64");
      const known = ["linux-x64", "linux-aarch64", "darwin-x64", "darwin-aarch64"].includes(name);
      return known ? { name: `@oven/bun-${name}`, executable: "bin/bun" } : undefined;
    },
  },
  deno: {
    name: "Deno",
    flags: ["run", "--quiet", "--allow-all", "--no-prompt", `--v8-flags=${V8_FLAGS.join(",")}`],
    environment: { DENO_NO_UPDATE_CHECK: "1" },
    version: /^deno (\d+\.\d+\.\d+)/,
    oldest: [2, 0],
    packageBytes: 42e6,
    npmPackage(platform) {
      const libc = platform.startsWith("linux-") ? "-glibc" : "";
      const known = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"].includes(platform);
      return known ? { name: `@deno/${platform}${libc}`, executable: "deno" } : undefined;
    },
  },
};

/** The Node that this process runs in. */
export const CURRENT_RUNTIME: Runtime = {
  kind: "node",
  executable: process.execPath,
  version: process.versions.node,
};
