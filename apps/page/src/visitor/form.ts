import { describeMachine, type Machine } from "./machine.js";
import "./style.css";

/** A request to measure this browser. */
export interface Wanted {
  readonly profile: "smoke" | "default";
  readonly backends: readonly string[];
  readonly machine: Machine;
}

/** The progress of a run, as its parent reports it. */
export interface Progress {
  readonly round: number;
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

export interface FormOptions {
  readonly backends: readonly string[];
  /** Says in a sentence where the results go. */
  readonly destination: string;
  /**
   * Measures, and resolves to what is shown in the end.
   *
   * @throws Error with the reason why there is no result
   */
  measure(wanted: Wanted, report: (progress: Progress) => void, signal: AbortSignal): Promise<Node>;
}

const FORM = `
<h1>softmax-bench: measure this browser</h1>
<p id="destination"></p>
<dl class="facts">
  <div><dt>isolated</dt><dd id="isolation"></dd></div>
  <div><dt>clock</dt><dd id="clock"></dd></div>
  <div><dt>threads</dt><dd id="threads"></dd></div>
</dl>
<form>
  <fieldset>
    <legend>How much</legend>
    <label><input type="radio" name="profile" value="smoke" checked> smoke: small shapes, a few minutes</label>
    <label><input type="radio" name="profile" value="default"> default: the whole matrix, at least half an hour</label>
  </fieldset>
  <fieldset id="backends"><legend>Backends</legend></fieldset>
  <label>Name of this machine, for the report
    <input name="name" maxlength="80" placeholder="e.g. Pixel 9" autocomplete="off"></label>
  <p><button type="submit">Measure</button> <button type="button" id="stop" disabled>Stop</button></p>
</form>
<section aria-label="Progress">
  <progress id="progress" max="1" value="0" hidden aria-label="Finished part of the measurement"></progress>
  <p id="current" aria-hidden="true"></p>
  <p id="status" role="status" aria-live="polite"></p>
</section>`;

/** Builds the form in an element, and measures when the user asks for it. */
export async function showForm(root: HTMLElement, options: FormOptions): Promise<void> {
  root.innerHTML = FORM;
  part(root, "destination").textContent = options.destination;
  part(root, "backends").append(...options.backends.map(backendChoice));
  const facts = await describeMachine();
  showFacts(root, facts);
  const [form] = root.getElementsByTagName("form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const profile = data.get("profile") === "default" ? "default" : "smoke";
    const backends = data.getAll("backend").map(String);
    const machine = { ...facts, name: String(data.get("name") ?? "").trim() };
    if (backends.length > 0) void run(root, { profile, backends, machine }, options);
    else part(root, "status").textContent = "Choose at least one backend.";
  });
}

function backendChoice(id: string): HTMLElement {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = "backend";
  box.value = id;
  box.checked = true;
  label.append(box, ` ${id}`);
  return label;
}

function showFacts(root: HTMLElement, { isIsolated, clockStepNs, cores }: Omit<Machine, "name">): void {
  part(root, "isolation").textContent = isIsolated
    ? "yes: backends have threads, and the fine clock"
    : "no: one thread each, and a coarse clock. Isolation takes https, or this machine's own address.";
  part(root, "clock").textContent = `steps of ${Number((clockStepNs / 1000).toPrecision(2))} µs`;
  part(root, "threads").textContent = String(isIsolated ? cores : 1);
}

/** Interval of spoken progress, in milliseconds. */
const ANNOUNCE_MS = 10_000;

async function run(root: HTMLElement, wanted: Wanted, { measure }: FormOptions): Promise<void> {
  const [form] = root.getElementsByTagName("form");
  const controls = [...(form?.elements ?? [])] as HTMLInputElement[];
  const [bar, current, status] = ["progress", "current", "status"].map((id) => part(root, id));
  const stopped = new AbortController();
  const stop = () => stopped.abort(new Error("stopped"));
  const lockForm = (isLocked: boolean) => {
    for (const control of controls) control.disabled = isLocked === (control.id !== "stop");
  };
  let announcedAt = Number.NEGATIVE_INFINITY;
  const report = ({ round, done, total, label }: Progress) => {
    bar?.setAttribute("max", String(Math.max(1, total)));
    bar?.setAttribute("value", String(done));
    const where = `${done} of ${total}${round > 1 ? `, round ${round}` : ""}`;
    if (current) current.textContent = `${where}: ${label}`;
    if (status && performance.now() - announcedAt > ANNOUNCE_MS) {
      status.textContent = `Measuring: ${where}. Keep this page in front.`;
      announcedAt = performance.now();
    }
  };
  lockForm(true);
  bar?.removeAttribute("hidden");
  part(root, "stop").addEventListener("click", stop, { once: true });
  try {
    status?.replaceChildren(await measure(wanted, report, stopped.signal));
  } catch (error) {
    status?.replaceChildren(`No result: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    part(root, "stop").removeEventListener("click", stop);
    bar?.setAttribute("hidden", "");
    current?.replaceChildren();
    lockForm(false);
  }
}

function part(root: HTMLElement, id: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(`#${id}`);
  if (!found) throw new Error(`the page has lost its part ${id}`);
  return found;
}
