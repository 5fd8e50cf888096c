import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../terminal/errors.js";

/** An installed npm package. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** Its folder, without symbolic links. */
  readonly folder: string;
  readonly manifest: PackageManifest;
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  /** The files that it is published with, of a package of this repository. */
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A place in a tree of `node_modules` folders. */
export interface PlacedPackage {
  readonly package: Package;
  /** The packages in its own `node_modules`. */
  readonly children: Map<string, PlacedPackage>;
  readonly parent: PlacedPackage | undefined;
}

/** The folder of this package. */
const RUNNER = fileURLToPath(new URL("../..", import.meta.url));

/** Pages were built with all that they need. */
const BUILT = new Set(["@softmax-bench/page", "@softmax-bench/viewer"]);

/**
 * Arranges a package and everything that it needs at run time, as they are installed, in one tree of `node_modules`: each
 * package is at its top unless another version is there.
 *
 * @param adapters the adapter packages to take; others are left out
 * @param folder the package's folder
 * @throws UsageError if a package is not installed
 */
export function placePackages(adapters: ReadonlySet<string>, folder = RUNNER): PlacedPackage {
  const root = place(readPackage(folder), undefined);
  // Those of one level before those of the next: what is at the top already is not hidden from a package later.
  const queue = [root];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { folder, manifest } = next.package;
    if (BUILT.has(manifest.name)) continue;
    for (const name of dependenciesOf(manifest)) {
      if (isAdapter(name) && !adapters.has(name)) continue;
      const found = findPackage(name, folder);
      if (!found) {
        if (manifest.dependencies && Object.hasOwn(manifest.dependencies, name)) {
          throw new UsageError(`${manifest.name} needs ${name}, which is not installed; run pnpm install`);
        }
        continue;
      }
      const visible = resolve(name, next);
      if (visible?.package.folder === found.folder) continue;
      const parent = visible ? next : root;
      const placed = place(found, parent);
      parent.children.set(name, placed);
      queue.push(placed);
    }
  }
  return root;
}

const place = (found: Package, parent: PlacedPackage | undefined): PlacedPackage => ({
  package: found,
  children: new Map(),
  parent,
});

/** The package of a name that a placed package would import. */
function resolve(name: string, from: PlacedPackage): PlacedPackage | undefined {
  for (let at: PlacedPackage | undefined = from; at; at = at.parent) {
    const found = at.children.get(name);
    if (found) return found;
  }
  return undefined;
}

function dependenciesOf(manifest: PackageManifest): string[] {
  const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  // Runtimes are optional peers: an adapter that is taken needs its own, and nothing else needs any.
  const peers = Object.keys(peerDependencies).filter(
    (name) => isAdapter(manifest.name) || !peerDependenciesMeta[name]?.optional,
  );
  return [...new Set([...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers])];
}

const isAdapter = (name: string): boolean => name.startsWith("@softmax-bench/adapter-");

/** The package that a name leads to from a folder, as Node finds it; undefined if it is not installed. */
function findPackage(name: string, from: string): Package | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return readPackage(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}

function readPackage(path: string): Package {
  const folder = realpathSync(path);
  const manifest: PackageManifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name: manifest.name, version: manifest.version, folder, manifest };
}
