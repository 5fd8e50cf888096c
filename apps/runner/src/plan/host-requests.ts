import { type HostKind, REFERENCE_HOST, Unavailable } from "@softmax-bench/core";
import { type BrowserKind, findBrowser } from "@softmax-bench/host-browser";
import { findRuntime } from "@softmax-bench/host-node";
import { UsageError } from "../terminal/errors.js";
import { unknownValue } from "./unknown-value.js";

/** The host of a run's backends unless a user names others: the Node that runs this. */
export const THIS_NODE = "node";

/** A host as a user names it: `bun`, `node@24`, `node=/usr/bin/node24`. */
export interface HostRequest {
  readonly id: string;
  readonly kind: HostKind;
  /** The first numbers of its version: `24`; absent for any. */
  readonly version?: string | undefined;
  /** Path of its program. */
  readonly path?: string | undefined;
}

/** The names that hosts begin with. */
const KINDS: ReadonlyMap<string, HostKind> = new Map(
  Object.entries<HostKind>({
    node: "node",
    bun: "bun",
    deno: "deno",
    chromium: "browser",
    firefox: "browser",
  }),
);

/** The kind of a host, by its id. */
export const kindOfHost = (id: string): HostKind | undefined =>
  id === REFERENCE_HOST ? "python" : KINDS.get(id.split("@", 1)[0] as string);

/** A host by its name. @throws UsageError if it is unknown */
export function parseHost(value: string): HostRequest {
  if (value === REFERENCE_HOST) return { id: value, kind: "python" };
  const [, name = "", version, path] = /^([a-z]+)(?:@([^=]*))?(?:=(.*))?$/s.exec(value) ?? [];
  const kind = KINDS.get(name);
  if (!kind)
    throw unknownValue(
      "host",
      value,
      [...KINDS.keys()],
      ", with a version such as node@24, or a path such as node=/usr/bin/node24",
    );
  if (version !== undefined && !/^\d{1,4}(?:\.\d{1,4}){0,2}$/.test(version)) {
    throw new UsageError(
      `--host expects a version such as ${name}@24 or ${name}@24.1.0, got ${JSON.stringify(value)}`,
    );
  }
  if (path !== undefined && version !== undefined) {
    throw new UsageError(`--host takes a version or a path, got both in ${JSON.stringify(value)}`);
  }
  if (path === "") throw new UsageError(`--host expects a path after ${name}=, got none`);
  return { id: version === undefined ? name : `${name}@${version}`, kind, version, path };
}

/**
 * Gives hosts that were named by a path the usual id: `node@24.9.0`.
 * @throws UsageError if a path leads to no such program, or a host is named twice
 */
export async function identifyHosts(requests: readonly HostRequest[]): Promise<HostRequest[]> {
  const identified = await Promise.all(requests.map(identify));
  const ids = identified.map(({ id }) => id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) throw new UsageError(`--host names ${repeated} twice; name each host once`);
  return identified;
}

async function identify(request: HostRequest): Promise<HostRequest> {
  const { path, kind } = request;
  if (path === undefined || kind === "python") return request;
  try {
    if (kind === "browser") {
      await findBrowser(request.id as BrowserKind, path);
      return request;
    }
    const { version } = await findRuntime({ kind, path }, undefined);
    return { ...request, id: `${kind}@${version}`, version };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    throw new UsageError(`${error.message}; ${error.remedy}`);
  }
}

/** The hosts of a run, according to its header. */
export const hostsOfRun = ({
  hosts = [],
}: {
  readonly hosts?: readonly { readonly id: string; readonly path?: string | undefined }[] | undefined;
}): HostRequest[] => hosts.map(({ id, path }) => ({ ...parseHost(id), path }));
