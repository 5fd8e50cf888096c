import type { Availability } from "./backend.js";

/**
 * The `probe` of a backend that is a JavaScript package: is it installed, and is there what it runs on?
 *
 * @param name the package
 * @param resolve `() => import.meta.resolve(name)` in the adapter, since packages are found from where they are asked for
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
