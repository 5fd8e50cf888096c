import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import picomatch from "picomatch";
import type { Package } from "./packages.js";

/** The platform and the pages that a bundle is for. */
export interface Target {
  /** Such as `linux-x64`. */
  readonly platform: string;
  /** Names in `runtime/` of the page that its backends load. */
  readonly pageFiles: readonly RegExp[];
}

/** Types, sources, maps and prose: nothing of it is read at run time. */
const UNREAD = /\.(?:[cm]?tsx?|map|flow|md|markdown|tsbuildinfo)$/i;
const TESTS = /(?:^|\/)(?:__tests__|tests?)\/|[._](?:test|spec)\.[cm]?js$/;
/** Licences ask for their text to be kept. */
const LICENCE = /(?:^|\/)(?:licen[cs]e|notice|copying|copyright|third-?party)[^/]*$/i;

/** The files of a package that are taken, by its name, where most of it is for other platforms or other runtimes. */
const RULES: Readonly<Record<string, (path: string, target: Target) => boolean>> = {
  "onnxruntime-node": (path, { platform }) =>
    !path.startsWith("script/") &&
    (!path.startsWith("bin/") || path.startsWith(`bin/napi-v6/${platform.replace("-", "/")}/`)),
  // Those that it loads in Node.
  "onnxruntime-web": (path) =>
    !/^(?:dist|lib)\//.test(path) ||
    /^dist\/(?:ort\.node\.min\.m?js|ort-wasm-simd-threaded\.(?:mjs|wasm))$/.test(path),
  "@tensorflow/tfjs-node-gpu": (path) => !/^(?:binding|scripts|deps)\//.test(path),
  "@softmax-bench/page": (path, { pageFiles }) => {
    const [, name] = /^dist\/runtime\/(.+)$/.exec(path) ?? [];
    return name === undefined || pageFiles.some((pattern) => pattern.test(name));
  },
};

/** The paths of a package's files that a bundle takes, relative to its folder. */
export function listFiles({ name, folder, manifest }: Package, target: Target): string[] {
  const isOurs = name.startsWith("@softmax-bench/");
  const published = manifest.files
    ?.filter((entry) => !entry.startsWith("!"))
    .map((entry) => entry.split("/")[0]);
  const tops = isOurs && published ? ["package.json", ...published] : undefined;
  const unpublished = manifest.files?.flatMap((entry) => (entry.startsWith("!") ? entry.slice(1) : [])) ?? [];
  const isUnpublished = picomatch(unpublished);
  const rule = RULES[name] ?? (() => true);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => {
      const [top = ""] = path.split("/");
      if (top === "node_modules" || (tops && (!tops.includes(top) || isUnpublished(path)))) return false;
      return LICENCE.test(path) || (!UNREAD.test(path) && !TESTS.test(path) && rule(path, target));
    });
}
