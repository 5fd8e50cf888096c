import type { Availability } from "./backend.js";
import { installLine, reinstallLine } from "./command-line.js";

/** True in a page, whose bundle contains a fixed set of packages since it was built. */
const isBundled = (): boolean => !globalThis.process?.versions?.node;

/** The members of an adapter's `import.meta`: packages are resolved relative to it. */
type ModuleMeta = Pick<ImportMeta, "url" | "resolve">;

const readManifest = (url: URL) =>
  JSON.parse(globalThis.process.getBuiltinModule("node:fs").readFileSync(url, "utf8"));

/**
 * The version of a package that exports neither its version nor its manifest.
 *
 * @param name the package
 * @param meta `import.meta` of a module in the adapter
 */
export function installedVersion(name: string, meta: ModuleMeta): string {
  // A bundler puts them there, see `apps/page/vite.shared.ts`.
  const bundled: Readonly<Record<string, string>> | undefined = Reflect.get(globalThis, "BUNDLED_VERSIONS");
  if (isBundled()) return bundled?.[name] ?? "bundled";
  return readManifest(new URL("../package.json", meta.resolve(name))).version;
}

/**
 * The `probe` of a backend whose runtime consists of packages: are they installed, and can Node run them? Runtimes are optional
 * peer dependencies of their adapter, which users install if they want to measure them.
 *
 * @param meta `import.meta` of a module in the adapter's `dist`
 */
export function probePackages(
  meta: ModuleMeta,
  { webAssembly = true }: { readonly webAssembly?: boolean } = {},
): Availability {
  if (webAssembly && !("WebAssembly" in globalThis)) {
    return {
      available: false,
      reason: "this Node has no WebAssembly",
      remedy: "run Node without --jitless",
    };
  }
  if (isBundled()) return { available: true };
  const { dependencies, peerDependencies: runtimes = {} } = readManifest(
    new URL("../package.json", meta.url),
  );
  const missing = Object.keys({ ...dependencies, ...runtimes }).filter((name) => !isInstalled(name, meta));
  if (missing.length === 0) return { available: true };
  const areRuntimes = missing.every((name) => name in runtimes);
  return {
    available: false,
    reason: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not installed, or not whole`,
    remedy: areRuntimes
      ? installLine(Object.entries(runtimes).map(([name, range]) => `${name}@${range}`))
      : reinstallLine(),
  };
}

function isInstalled(name: string, meta: ModuleMeta): boolean {
  try {
    meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
