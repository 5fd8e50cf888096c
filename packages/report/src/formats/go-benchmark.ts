import { placeName, type Results } from "@softmax-bench/core";
import { oneLine } from "../untrusted.js";
import { comparableGradient } from "./series.js";

/**
 * Results in Go's benchmark format (golang.org/design/14313-benchmark-format, with the `Unit` lines of benchstat): a
 * line per process, so that `benchstat baseline.bench.txt candidate.bench.txt` sees processes as its samples, and
 * `benchstat -col /method` compares methods. Unsettled cells have a line with their error only. The dtype is
 * last, because a number after a hyphen at the end of a name would be read as GOMAXPROCS.
 */
export function goBenchmarkText({ cells, environment, run }: Results): string {
  const { cpu, os, node } = environment;
  const head = [
    ...[`os: ${oneLine(os)}`, `cpu: ${oneLine(cpu)}`, `node: ${oneLine(node)}`],
    ...(run.commit ? [`commit: ${oneLine(run.commit)}`] : []),
    "Unit grad-rel-l2 better=lower assume=exact",
  ];
  const lines = cells.flatMap((cell) => {
    const { method, dtype, workload, machine, status, accuracy } = cell;
    const gradient = comparableGradient(cell);
    if (status !== "ok") return [];
    const parts = [
      ["backend", placeName(cell)],
      ["method", method],
      ["workload", workload],
      ...(machine === undefined ? [] : [["machine", machine] as const]),
      ["dtype", dtype],
    ] as const;
    const name = parts.map(([key, value]) => `/${key}=${word(value)}`).join("");
    const relL2 = accuracy?.gradient.relL2;
    const error = relL2 !== undefined && Number.isFinite(relL2) ? ` ${relL2} grad-rel-l2` : "";
    if (!gradient) return error ? [`BenchmarkGradient${name} 1${error}`] : [];
    const medians = gradient.processMedians ?? [gradient.medianNs];
    return medians.map((ns) => `BenchmarkGradient${name} 1 ${ns} ns/op${error}`);
  });
  return `${[...head, "", ...lines].join("\n")}\n`;
}

/** A value within a name, in which slashes separate and spaces end: `manual.fused`. */
const word = (value: string): string => oneLine(value).replaceAll("/", ".").replaceAll(/\s+/g, "_");
