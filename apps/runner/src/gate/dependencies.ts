import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";
import { pnpm } from "./build-revision.js";

/**
 * The dependencies of a revision of the user's repository: the installed ones of their checkout, if the revision has
 * the same, and else an installation by its own lockfile.
 */

/** A package manager, known by its lockfile. */
interface PackageManager {
  readonly lockfiles: readonly string[];
  /** The command that installs exactly what the lockfile says, in its folder. */
  command(folder: string): readonly string[];
}

const PACKAGE_MANAGERS: readonly PackageManager[] = [
  {
    lockfiles: ["package-lock.json", "npm-shrinkwrap.json"],
    command: () => ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"],
  },
  {
    lockfiles: ["pnpm-lock.yaml"],
    command: () => [...pnpm(), "install", "--frozen-lockfile", "--prefer-offline"],
  },
  {
    lockfiles: ["yarn.lock"],
    // From its second version on, yarn has another file of settings, and another flag.
    command: (folder) => [
      "yarn",
      "install",
      existsSync(join(folder, ".yarnrc.yml")) ? "--immutable" : "--frozen-lockfile",
    ],
  },
  { lockfiles: ["bun.lock", "bun.lockb"], command: () => ["bun", "install", "--frozen-lockfile"] },
];

const LOCKFILES = PACKAGE_MANAGERS.flatMap(({ lockfiles }) => lockfiles);

/** Files besides `package.json` that decide what an installation brings. */
const DECISIVE = [...LOCKFILES, ".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml"];

/** Paths, from the root of a repository, of the lockfiles that may decide what a folder of it imports. */
export const lockfilePaths = (folder: string): string[] => {
  const parts = folder.split("/").filter(Boolean);
  return [...parts.keys(), parts.length].flatMap((count) =>
    LOCKFILES.map((name) => [...parts.slice(0, count), name].join("/")),
  );
};

/** A folder of a repository, in one of its revisions. */
export interface PlaceInRepository {
  /** The repository's folder. */
  readonly root: string;
  /** The folder with the config: the root, or below it. */
  readonly folder: string;
}

/** The folders from one with a config up to its repository's. */
export function foldersUp({ root, folder }: PlaceInRepository): string[] {
  const parts = relative(root, folder).split(sep).filter(Boolean);
  return [...parts.keys(), parts.length].map((count) => join(root, ...parts.slice(0, count))).toReversed();
}

/** The folder with the lockfile that decides what the config can import; undefined if there is none. */
const lockedFolder = (place: PlaceInRepository): string | undefined =>
  foldersUp(place).find((folder) => lockfileIn(folder) !== undefined);

const lockfileIn = (folder: string): string | undefined =>
  LOCKFILES.find((name) => existsSync(join(folder, name)));

/** The lockfile of a revision; undefined if it has none. */
export function findLockfile(place: PlaceInRepository): string | undefined {
  const folder = lockedFolder(place);
  return folder && join(folder, lockfileIn(folder) ?? "");
}

/** True if a revision has the same dependencies as the user's checkout, none of which is code of the repository. */
export function hasSameDependencies(candidate: PlaceInRepository, baseline: PlaceInRepository): boolean {
  const [ours, theirs] = [foldersUp(candidate), foldersUp(baseline)];
  const same = ours.every((folder, index) =>
    ["package.json", ...DECISIVE].every(
      (name) => textOf(join(folder, name)) === textOf(join(theirs[index] ?? "", name)),
    ),
  );
  return same && !ours.some((folder) => linksInto(candidate.root, folder) || dependsOnFolders(folder));
}

const textOf = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, "utf8") : undefined;

/** True if a folder's `node_modules` links to a part of the repository, as those of workspaces do. */
function linksInto(root: string, folder: string): boolean {
  const modules = join(folder, "node_modules");
  const real = realpathSync(root);
  return packagesIn(modules).some((path) => {
    if (!lstatSync(path).isSymbolicLink() || !existsSync(path)) return false;
    const inside = relative(real, realpathSync(path)).split(sep);
    return inside[0] !== ".." && !inside.includes("node_modules");
  });
}

function packagesIn(modules: string): string[] {
  if (!existsSync(modules)) return [];
  return readdirSync(modules)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@")
        ? readdirSync(join(modules, name)).map((scoped) => join(modules, name, scoped))
        : [join(modules, name)],
    );
}

/** True if a manifest names folders as dependencies, of which some package managers install copies. */
function dependsOnFolders(folder: string): boolean {
  const { dependencies, devDependencies, optionalDependencies } = readManifest(join(folder, "package.json"));
  return [dependencies, devDependencies, optionalDependencies]
    .flatMap((section) => Object.values(section ?? {}))
    .some((range) => /^(?:file|link|portal|workspace):(?!.*\.t(?:ar\.)?gz$)/.test(String(range)));
}

/** The sections of a manifest. @throws UsageError if it is no JSON object */
function readManifest(file: string): Readonly<Record<string, object | undefined>> {
  const parsed = MANIFEST.safeParse(parseJson(textOf(file) ?? "{}"));
  if (parsed.success) return parsed.data;
  throw new UsageError(`expected a JSON object with objects of dependencies in ${file}, got something else`);
}

const section = z.record(z.string(), z.unknown()).optional();
const MANIFEST = z.object({ dependencies: section, devDependencies: section, optionalDependencies: section });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Links the installed packages of the user's checkout into a revision of it. */
export function shareDependencies(candidate: PlaceInRepository, baseline: PlaceInRepository): void {
  const theirs = foldersUp(baseline);
  for (const [index, folder] of foldersUp(candidate).entries()) {
    const [modules, link] = [join(folder, "node_modules"), join(theirs[index] ?? "", "node_modules")];
    if (existsSync(modules) && !existsSync(link)) symlinkSync(modules, link, "dir");
  }
}

/** The folder and the command to install what a revision's lockfile says. @throws UsageError if it has none */
export function installation(
  name: string,
  place: PlaceInRepository,
): { readonly cwd: string; readonly command: readonly string[] } {
  const cwd = lockedFolder(place);
  const lockfile = cwd && lockfileIn(cwd);
  const manager = PACKAGE_MANAGERS.find(({ lockfiles }) => lockfiles.some((one) => one === lockfile));
  if (cwd && manager) return { cwd, command: manager.command(cwd) };
  throw new UsageError(
    `${name} has other dependencies than this checkout, and no lockfile to install them from: expected one of ${LOCKFILES.join(", ")}; commit one, or name what makes the baseline ready with --prepare`,
  );
}
