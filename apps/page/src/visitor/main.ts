import { BACKEND_IDS } from "../backend-ids.js";
import { fetchWithRetry } from "../retry.js";
import { type Progress, showForm, type Wanted } from "./form.js";

/**
 * The page of a visitor's browser: its parent, the server that it came from, has it show measuring pages in frames of its
 * own. The answer to a request to run has a line for each event.
 */

/** A line of the answer; see `apps/runner/src/run/visitors`. */
type VisitorEvent =
  | { readonly type: "open"; readonly path: string }
  | { readonly type: "close"; readonly path: string }
  | ({ readonly type: "progress" } & Progress)
  | { readonly type: "done"; readonly run: string }
  | { readonly type: "failed"; readonly reason: string };

const frames = new Map<string, HTMLIFrameElement>();

function openFrame(path: string): void {
  const frame = document.createElement("iframe");
  frame.title = "measuring page";
  frame.hidden = true;
  frame.src = path;
  frames.set(path, frame);
  document.body.append(frame);
}

function closeFrame(path: string): void {
  frames.get(path)?.remove();
  frames.delete(path);
}

async function* linesOf(body: ReadableStream<BufferSource>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Pauses before the rest of an answer is asked for that was cut, in milliseconds. */
const PAUSES_MS = [100, 200, 400, 800];

/** A server that answers, but not by measuring. */
class Refusal extends Error {}

/** Sends a request to measure. @returns the events of the run, whatever connections are cut meanwhile */
async function* eventsOf(wanted: Wanted, id: string, signal: AbortSignal): AsyncGenerator<VisitorEvent> {
  let received = 0;
  for (let attempt = 0; attempt <= PAUSES_MS.length; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[attempt - 1]));
    try {
      const body = JSON.stringify(wanted);
      const response = await fetch(`run?id=${id}&after=${received}`, { method: "POST", body, signal });
      if (!response.ok || !response.body) throw new Refusal(await response.text());
      for await (const line of linesOf(response.body)) {
        [received, attempt] = [received + 1, 0];
        yield JSON.parse(line);
      }
    } catch (error) {
      if (signal.aborted || error instanceof Refusal) throw error;
    }
  }
  throw new Error("the connection to report --serve is lost");
}

/** Returns what nobody guesses: 32 hexadecimal digits. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );

async function measure(
  wanted: Wanted,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Node> {
  const id = randomId();
  signal.addEventListener("abort", () => void fetchWithRetry(`stop?id=${id}`, { method: "POST" }));
  try {
    for await (const event of eventsOf(wanted, id, signal)) {
      if (event.type === "open") openFrame(event.path);
      else if (event.type === "close") closeFrame(event.path);
      else if (event.type === "progress") report(event);
      else if (event.type === "failed") throw new Error(event.reason);
      else return done(event.run);
    }
    throw new Error("the connection to report --serve is lost");
  } finally {
    for (const path of frames.keys()) closeFrame(path);
  }
}

function done(run: string): Node {
  const text = document.createElement("span");
  const link = document.createElement("a");
  link.href = "../";
  link.textContent = "The report";
  text.append("Done. ", link, ` lists it as ${run}.`);
  return text;
}

const [root] = document.getElementsByTagName("main");
if (root) {
  void showForm(root, {
    backends: BACKEND_IDS,
    destination:
      "Its results are kept on the machine that serves this page, beside the run that is shown there.",
    measure,
  });
}
