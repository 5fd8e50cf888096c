import * as Plot from "@observablehq/plot";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Scroll } from "./scroll.js";

/** The options of a chart; its colours follow the page's. */
export type ChartOptions = Plot.PlotOptions;

/** The margin for labels at the left of a chart, in pixels: 6.8 is more than a character of theirs takes on average. */
export const marginFor = (labels: readonly string[]): number =>
  Math.min(330, 24 + 6.8 * Math.max(0, ...labels.map(({ length }) => length)));

/** A chart that fills the available width. @param leastWidth below which it scrolls, in pixels */
export function Chart({
  options,
  label,
  leastWidth = 300,
}: {
  options: ChartOptions;
  label: string;
  leastWidth?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [available, setAvailable] = useState(0);
  useLayoutEffect(() => {
    const element = box.current?.parentElement;
    if (!element) return;
    const observer = new ResizeObserver(() => setAvailable(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (available === 0) return;
    const width = Math.min(1208, Math.max(leastWidth, available));
    const drawn = Plot.plot({ ...options, width, style: { background: "none", fontSize: "12px" } });
    // Inside a picture with a name of its own, parts need no name.
    for (const mark of drawn.querySelectorAll<SVGElement>("[aria-label]")) {
      mark.dataset.mark = mark.getAttribute("aria-label") ?? "";
      mark.removeAttribute("aria-label");
    }
    box.current?.replaceChildren(drawn);
    return () => drawn.remove();
  }, [options, available, leastWidth]);
  return (
    <Scroll label={label}>
      <div class="chart" ref={box} role="img" aria-label={label} />
    </Scroll>
  );
}
