import { rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf, type Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { BrowserHost, Pages, readBody, VisitingBrowser } from "@softmax-bench/host-browser";
import { type PageRun, reportView } from "@softmax-bench/report";
import { currentCommit } from "../../fs/repository.js";
import { BACKENDS } from "../../plan/backends.js";
import { loadBackends } from "../../plan/load-backends.js";
import { runsIn } from "../../plan/places.js";
import { PAGE_FOLDER } from "../../session/page-folder.js";
import { VERSION } from "../machine/environment.js";
import { createRunFolder, publish } from "../publish.js";
import { measureVisitor } from "./measure-visitor.js";
import { progressObserver } from "./progress.js";
import { parseUserAgent, parseVisitorRequest, type VisitorRequest } from "./visitor.js";
import { VisitorAnswer, type VisitorEvent } from "./visitor-answer.js";

/** The most bytes of a request, and of results: those of the largest workload of a profile. */
const LONGEST_REQUEST = 2 ** 14;
const MOST_RESULT_BYTES = 2 ** 27;

/** Measures browsers that open a page of this server, one at a time, and keeps the results. */
export class Visitors {
  readonly #pages = new Pages(PAGE_FOLDER, { mostResultBytes: MOST_RESULT_BYTES });
  readonly #out: string;
  readonly #say: (line: string) => void;
  /** The last run. */
  #last: VisitorAnswer | undefined;
  /** The runs of all visitors so far. */
  readonly runs: PageRun[] = [];

  /** @param out the folder that their runs are written to */
  constructor(out: string, say: (line: string) => void) {
    this.#out = out;
    this.#say = say;
  }

  /** Answers a request of a measuring page. @returns false if it is none */
  answerPage(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    return this.#pages.answer(request, response);
  }

  /** Answers a request of a visitor. @param path below that of the visitors' page, which is empty */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (request.method === "GET") this.#pages.sendFile(response, path === "" ? "visitor.html" : path);
    else if (request.method === "POST" && path === "run") await this.#receive(request, response);
    else if (request.method === "POST" && path === "stop") this.#stop(request, response);
    else refuse(response, 405, "this page takes requests to run, and to stop, only");
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = queryOf(request);
    const id = query.get("id") ?? "";
    const body = (await readBody(request, LONGEST_REQUEST)).toString("utf8");
    // The page asks again when its connection was cut.
    if (this.#last?.id === id) return this.#last.continue(response, Number(query.get("after")));
    const wanted = parseVisitorRequest(body);
    if (typeof wanted === "string") return refuse(response, 400, wanted);
    if (!/^[0-9a-f]{32}$/.test(id)) return refuse(response, 400, "id: expected 32 hexadecimal digits");
    if (this.#last && !this.#last.isOver)
      return refuse(response, 409, "another browser is being measured; try again when it is done");
    const answer = new VisitorAnswer(id);
    this.#last = answer;
    answer.continue(response, 0);
    try {
      await this.#measure(wanted, answer);
    } finally {
      answer.end();
    }
  }

  #stop(request: IncomingMessage, response: ServerResponse): void {
    if (this.#last?.id === queryOf(request).get("id")) this.#last?.stop("it was stopped");
    response.writeHead(204).end();
  }

  async #measure(request: VisitorRequest, answer: VisitorAnswer): Promise<void> {
    const send = (event: VisitorEvent) => answer.send(event);
    const { name, version } = parseUserAgent(request.machine.userAgent);
    this.#say(`a visitor's ${name} ${version} is measured`);
    try {
      const startedAt = new Date();
      const results = await measureVisitor({
        id: "visitor",
        startedAt,
        request,
        backends: await pageBackends(),
        createHost: (id) => new BrowserHost(id, new VisitingBrowser(name, this.#pages, send)),
        software: { version: VERSION, commit: currentCommit(), node: process.version },
        observer: progressObserver(send),
        signal: answer.signal,
      });
      const run = await this.#keep(results, startedAt);
      this.#say(`wrote ${this.#out}/${run}`);
      send({ type: "done", run });
    } catch (error) {
      const reason = messageOf(error);
      this.#say(`the visitor was not measured: ${reason}`);
      send({ type: "failed", reason });
    }
  }

  /** Writes a run's folder as a whole, or not at all. @returns the id of the run */
  async #keep(unnamed: Results, startedAt: Date): Promise<string> {
    // Results that the schema refuses leave nothing behind.
    formatResults(unnamed);
    const folder = createRunFolder(this.#out, unnamed.run.profile, startedAt);
    try {
      const results = { ...unnamed, run: { ...unnamed.run, id: folder.id } };
      await publish(folder, results, reportView(results));
      this.runs.push({ name: folder.id, results });
      return folder.id;
    } catch (error) {
      rmSync(folder.path, { recursive: true, force: true });
      throw error;
    }
  }
}

/** The backends of this repository that run in pages. */
async function pageBackends() {
  const backends = await loadBackends(Object.keys(BACKENDS));
  return new Map([...backends].filter(([, backend]) => runsIn(backend, "browser")));
}

const queryOf = ({ url = "/" }: IncomingMessage): URLSearchParams =>
  new URL(url, "http://127.0.0.1").searchParams;

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${why}\n`);
}
