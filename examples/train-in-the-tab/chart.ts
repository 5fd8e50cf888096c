import * as Plot from "@observablehq/plot";

/** Draws the loss of each step. */
export function drawLosses(figure: HTMLElement, losses: readonly number[]): void {
  const chart = Plot.plot({
    width: 720,
    height: 260,
    ariaLabel: "The loss of each step",
    x: { label: "step", domain: [1, Math.max(losses.length, 2)] },
    y: { label: "loss", grid: true, zero: true },
    marks: [Plot.lineY(losses, { x: (_, index: number) => index + 1 })],
  });
  figure.replaceChildren(chart);
}
