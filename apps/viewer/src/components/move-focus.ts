const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Arrow keys move the focus to the next cell in their direction; with a modifier they are the browser's. */
export function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLTableElement }): void {
  const step = STEPS[event.key];
  const place = event.target instanceof Element ? event.target.closest("td") : null;
  if (!step || !place || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const rows = [...event.currentTarget.tBodies].flatMap((body) => [...body.rows]);
  let row = rows.findIndex((one) => one.contains(place));
  let column = place.cellIndex;
  let next: Element | undefined;
  do {
    row += step[0];
    column += step[1];
    next = rows[row]?.cells[column];
  } while (next && !next.querySelector("button"));
  next?.querySelector("button")?.focus();
}
