import { BACKEND_IDS } from "../backend-ids.js";
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

async function measure(
  wanted: Wanted,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Node> {
  try {
    const response = await fetch("run", { method: "POST", body: JSON.stringify(wanted), signal });
    if (!response.ok || !response.body) throw new Error(await response.text());
    for await (const line of linesOf(response.body)) {
      const event: VisitorEvent = JSON.parse(line);
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
