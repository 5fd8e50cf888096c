import type { Results } from "@softmax-bench/core";
import { formatBytes, oneLine, type RunView } from "@softmax-bench/report/model";
import { Table } from "../components/table.js";
import { Section } from "./section.js";

/** The backends and machine of a run, and the commands that repeat it. */
export function Environment({ results, view }: { results: Results; view: RunView }) {
  const { environment, backends, run } = results;
  const { cpu, cores, memoryBytes, os, node, simd, cacheBytes, versions } = environment;
  const command = view.facts.find(([label]) => label === "command")?.[1] ?? "";
  const notes = [...view.advice, ...view.broken];
  return (
    <Section id="environment" title="Environment">
      <p>
        To reproduce: <code>{oneLine(command)}</code> at commit{" "}
        <code>{oneLine(run.commit ?? "unknown")}</code>
      </p>
      <Table
        label="Machine"
        columns={["what", "value"]}
        rows={[
          ...[
            ["processor", cpu],
            ["cores", String(cores)],
            ["vector instructions", simd ?? "unknown"],
          ],
          ...[
            ["largest cache", cacheBytes ? formatBytes(cacheBytes) : "unknown"],
            ["memory", memoryBytes === undefined ? "unknown" : formatBytes(memoryBytes)],
          ],
          ...[
            ["operating system", os],
            ["Node", node],
          ],
          ...Object.entries(versions),
        ]}
      />
      <Table
        label="Backends"
        columns={[
          "backend",
          "status",
          "runtime",
          "code",
          "device",
          "threads",
          "dtypes",
          "settings",
          "reason and remedy",
        ]}
        rows={backends.map(({ id, status, engine, device, threads, dtypes, settings, reason, remedy }) => [
          ...[id, status, engine ? `${engine.name} ${engine.version}` : "", engine?.code ?? ""],
          device ? `${device.kind} (${device.name})` : "",
          ...[threads?.toString() ?? "", dtypes?.join(", ") ?? ""],
          Object.entries(settings ?? {})
            .map(([name, value]) => `${name}: ${value}`)
            .join(", "),
          [reason, remedy].filter(Boolean).join("; "),
        ])}
      />
      {notes.length > 0 && (
        <>
          <h3>Notes</h3>
          <ul>
            {notes.map((note) => (
              <li key={note}>{oneLine(note)}</li>
            ))}
          </ul>
        </>
      )}
      {view.wall && <p>Wall time {oneLine(view.wall)}</p>}
    </Section>
  );
}
