import type { Availability } from "./backend.js";

/** True in a page, whose bundle contains a fixed set of packages since it was built. */
const isBundled = (): boolean => !globalThis.process?.versions?.node;

/**
 * The version of a package that exports neither its version nor its manifest.
 *
 * @param name the package
 * @param resolve `() => import.meta.resolve(name)` in the adapter
 */
export function installedVersion(name: string, resolve: () => string): string {
  // A bundler puts them there, see `apps/page/vite.shared.ts`.
  const bundled: Readonly<Record<string, string>> | undefined = Reflect.get(globalThis, "BUNDLED_VERSIONS");
  if (isBundled()) return bundled?.[name] ?? "bundled";
  const fs = globalThis.process.getBuiltinModule("node:fs");
  return JSON.parse(fs.readFileSync(new URL("../package.json", resolve()), "utf8")).version;
}

/**
 * The `probe` of a backend that is a JavaScript package: is it installed, and does its runtime exist?
 *
 * @param name the package
 * @param resolve `() => import.meta.resolve(name)` in the adapter, since packages are resolved relative to the caller
 */
export function probePackage(
  name: string,
  resolve: () => string,
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
  try {
    resolve();
    return { available: true };
  } catch {
    return {
      available: false,
      reason: `${name} is not installed, or not whole`,
      remedy: "pnpm install --force",
    };
  }
}
