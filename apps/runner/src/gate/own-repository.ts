import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { IN_CLONE, installLine, PROGRAM } from "@softmax-bench/core";
import { git, REPOSITORY_ROOT } from "../fs/repository.js";
import { BACKENDS } from "../plan/backends.js";
import { JAVASCRIPT } from "../plan/own-methods.js";
import { KINDS } from "../plan/resolve-methods.js";
import { IncomparableError, UsageError } from "../terminal/errors.js";
import {
  type CheckoutOptions,
  checkOut,
  explainingFailure,
  provideRevision,
  runStep,
} from "./build-revision.js";
import type { Checkout } from "./checkout.js";
import {
  findLockfile,
  foldersUp,
  hasSameDependencies,
  installation,
  type PlaceInRepository,
  shareDependencies,
} from "./dependencies.js";

/**
 * The user's own repository, in which this program is an installed package: their `bench.config.ts` in two revisions.
 * Each is measured by the program and the runtimes that it has installed itself.
 */

const CONFIG = "bench.config.ts";

/** A revision of the user's repository. */
export interface OwnCheckout extends Checkout, PlaceInRepository {}

/** The checkout that is gated. */
export async function candidateCheckout(name: string): Promise<Checkout | OwnCheckout> {
  if (IN_CLONE) return { name, folder: REPOSITORY_ROOT };
  const place = await currentPlace();
  return { name, ...place, main: requireProgram(name, place) };
}

/** The current folder in its repository. @throws UsageError if it is in none */
async function currentPlace(): Promise<PlaceInRepository> {
  const folder = process.cwd();
  const root = await git("rev-parse", "--show-toplevel").catch(() => undefined);
  if (root) return { root, folder: resolve(root, await git("rev-parse", "--show-prefix")) };
  throw new UsageError(
    `expected a git repository, got ${folder}, which is in none; start this in the folder of your ${CONFIG}`,
  );
}

/** The command line that a revision has installed; undefined if it has none. */
const findProgram = (place: PlaceInRepository): string | undefined =>
  foldersUp(place)
    .map((folder) => join(folder, "node_modules", PROGRAM, "bin", `${PROGRAM}.js`))
    .find((file) => existsSync(file));

function requireProgram(name: string, place: PlaceInRepository): string {
  const main = findProgram(place);
  if (main) return main;
  throw new UsageError(
    `expected ${PROGRAM} in the node_modules of ${name} (${place.folder}), found none; run ${installLine([])} --save-dev, and commit package.json and its lockfile`,
  );
}

export interface BaselineOptions extends CheckoutOptions {
  /** A shell command that makes the baseline ready, in the place of its package manager. */
  readonly prepare?: string | undefined;
  /** A folder for what lives as long as the gate. */
  readonly scratch: string;
}

/**
 * A commit of the user's repository, ready to be measured. It shares the installed packages of the candidate if it has
 * the same dependencies; else it has its own, in the user's cache.
 *
 * @throws IncomparableError if it has no config; UsageError if it cannot be made ready
 */
export async function prepareOwnCheckout(
  name: string,
  commit: string,
  candidate: OwnCheckout,
  options: BaselineOptions,
): Promise<OwnCheckout> {
  const { say, scratch, prepare } = options;
  const path = relative(candidate.root, candidate.folder);
  const placeIn = (root: string): PlaceInRepository => ({ root, folder: join(root, path) });
  const shared = placeIn(join(scratch, "baseline"));
  mkdirSync(shared.root);
  await explainingFailure(name, commit, options, () =>
    checkOut(candidate.root, commit, shared.root, options),
  );
  if (!existsSync(join(shared.folder, CONFIG))) {
    throw new IncomparableError(
      `${name}, commit ${commit}, has no ${CONFIG} in this folder: nothing to compare with; once one is committed there, later changes are compared`,
    );
  }
  if (prepare === undefined && hasSameDependencies(candidate, shared)) {
    say(`${name}: has the same dependencies as ${candidate.name}, and shares them`);
    shareDependencies(candidate, shared);
    return { name, ...shared, main: requireProgram(name, shared) };
  }
  const build = {
    variant: shortHash(JSON.stringify([path, prepare])),
    async prepare(root: string, progress: (step: string) => void) {
      const place = placeIn(root);
      const { cwd, command } =
        prepare === undefined
          ? installation(name, place)
          : { cwd: place.folder, command: ["sh", "-c", prepare] };
      progress(`${prepare ?? command.join(" ")}`);
      await runStep(prepare ?? command.slice(0, 2).join(" "), command, options, cwd);
    },
    missing: async (root: string) =>
      findProgram(placeIn(root)) ? undefined : `it has no ${PROGRAM} in its node_modules`,
  };
  const place = placeIn(await provideRevision(name, commit, candidate.root, build, options));
  return { name, ...place, main: requireProgram(name, place) };
}

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);

/** True if the code of a cell is the user's: their method, or a method of ours on their backend. */
export function isOwnCell(key: string): boolean {
  const [place = "", method = ""] = key.split(" ");
  const [backend = ""] = place.split("@");
  const isOurMethod = KINDS.some((kind) => method.startsWith(`${kind}/`));
  return !isOurMethod || !(backend === JAVASCRIPT || Object.hasOwn(BACKENDS, backend));
}

/** @throws UsageError if there is no config in the user's folder, and so nothing to gate by default */
export function requireConfig({ folder }: Checkout): void {
  if (existsSync(join(folder, CONFIG))) return;
  throw new UsageError(
    `expected a ${CONFIG} with methods of your own in ${folder}, found none; write one (docs/your-own.md), or choose cells with --cell, --method or --backend`,
  );
}

/** True if a checkout is one of the user's own repository. */
export const isOwn = (checkout: Checkout | OwnCheckout): checkout is OwnCheckout => "root" in checkout;

/** First digits of the SHA-256 of a checkout's lockfile; undefined if it has none. */
export function hashLockfile(checkout: Checkout | OwnCheckout): string | undefined {
  const file = isOwn(checkout) ? findLockfile(checkout) : join(checkout.folder, "pnpm-lock.yaml");
  if (!file || !existsSync(file)) return undefined;
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
}
