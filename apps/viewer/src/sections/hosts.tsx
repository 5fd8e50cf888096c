import type { Results } from "@softmax-bench/core";
import { type Constraints, hostsBlocks, hostsView } from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Blocks } from "../components/blocks.js";
import { Section } from "./section.js";

/** The fastest cells and the times of backends on each host, side by side. */
export function Hosts({ results, constraints }: { results: Results; constraints: Constraints }) {
  const view = useMemo(() => hostsView(results, constraints), [results, constraints]);
  if (!view) return null;
  const [title, ...blocks] = hostsBlocks(view);
  return (
    <Section id="hosts" title={title?.kind === "heading" ? title.text : "Hosts"}>
      <Blocks blocks={blocks} label="Hosts" />
    </Section>
  );
}
