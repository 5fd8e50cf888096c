import { PLATFORM } from "@softmax-bench/provision";
import { checkBackends } from "../../bundle/backends.js";
import { megabytes, PLATFORMS, requestParts, writeBundle } from "../../bundle/bundle.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { Consent } from "../../session/consent.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { commaSeparated, newCommand, yesOption } from "../command.js";

/** The backend that CUDA's libraries are for. */
const CUDA = "onnxruntime-cuda";

export const command = () =>
  newCommand("bundle")
    .description(
      "Makes one archive with Node, the command line and a few backends, for machines where nothing can be installed:\n" +
        "tar xf <archive> && ./softmax-bench/bench",
    )
    .requiredOption(
      "--backend <ids>",
      "backends to take; the others say that they are not in the bundle; e.g. --backend onnxruntime-cuda,wasm-simd",
      commaSeparated,
    )
    .option(
      "--platform <platform>",
      `${PLATFORMS.join(", ")} (default: this one); e.g. --platform linux-arm64`,
    )
    .option("--node <version>", "Node's version (default: the one that runs this); e.g. --node 24")
    .option(
      "--out <file>",
      "name of the archive: .tar.zst, or the larger .tar.gz, for which tar needs no zstd (default: softmax-bench-<platform>.tar.zst); e.g. --out bundle.tar.gz",
    )
    .option(
      "--split <size>",
      "write numbered parts with checksums and a script that joins them; e.g. --split 60M",
    )
    .option(
      "--cuda-libraries",
      "take CUDA's libraries along (1 GB), for machines that have an NVIDIA driver and nothing else",
      false,
    )
    .option("--force", "replace files of that name", false)
    .addOption(yesOption())
    .addHelpText(
      "after",
      "\nExit codes: 0 written; 2 wrong usage, or something could not be had; 130 stopped.",
    );

interface Flags {
  readonly backend: string[];
  readonly platform?: string;
  readonly node?: string;
  readonly out?: string;
  readonly split?: string;
  readonly cudaLibraries: boolean;
  readonly force: boolean;
  readonly yes?: boolean;
}

/** Makes a bundle. */
export async function bundle(argv: readonly string[], console: Console): Promise<number> {
  const { stdout, stderr, signal } = console;
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const platform = parsePlatform(flags.platform ?? PLATFORM);
  if (flags.cudaLibraries && !flags.backend.includes(CUDA)) {
    throw new UsageError(`--cuda-libraries is for --backend ${CUDA}; name it, or leave out --cuda-libraries`);
  }
  const request = {
    backends: checkBackends(flags.backend),
    platform,
    node: parseVersion(flags.node ?? process.versions.node),
    out: flags.out ?? `softmax-bench-${platform}.tar.zst`,
    split: parseSize(flags.split),
    cudaLibraries: flags.cudaLibraries,
    force: flags.force,
  };
  const consent = new Consent(console, flags.yes);
  try {
    await consent.obtain((confirm) => requestParts(request, { progress: () => {}, signal, confirm }));
    const { parts, unpackedBytes, node } = await writeBundle(request, {
      progress: (step) => writeLine(stderr, step),
      signal,
      confirm: consent.confirm,
    });
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    for (const part of parts) writeLine(stdout, `${part.sha256}  ${part.name}`);
    writeLine(
      stdout,
      `wrote ${request.out}: ${megabytes(bytes)}${parts.length > 1 ? ` in ${parts.length} parts` : ""}, ${megabytes(unpackedBytes)} unpacked; ${request.backends.join(", ")} on Node ${node} for ${platform}`,
    );
    if (request.backends.includes(CUDA) && !flags.cudaLibraries) {
      writeLine(stdout, `${CUDA} needs CUDA 13 where it runs; --cuda-libraries takes its libraries along`);
    }
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

function parsePlatform(platform: string): string {
  if (PLATFORMS.some((known) => known === platform)) return platform;
  throw unknownValue("platform", platform, PLATFORMS);
}

function parseVersion(version: string): string {
  if (/^\d{1,4}(?:\.\d{1,4}){0,2}$/.test(version)) return version;
  throw new UsageError(`--node expects a version such as 24 or 24.9.0, got ${JSON.stringify(version)}`);
}

const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9 };

/** The smallest part, of which a bundle with CUDA is about a thousand. */
const LEAST_BYTES = 1e6;

function parseSize(size: string | undefined): number | undefined {
  if (size === undefined) return undefined;
  const [, number, unit = ""] = /^(\d{1,6})([KMG])B?$/i.exec(size) ?? [];
  const bytes = Number(number) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (bytes >= LEAST_BYTES) return bytes;
  throw new UsageError(`--split takes a size of at least 1M, such as 60M, got ${JSON.stringify(size)}`);
}
