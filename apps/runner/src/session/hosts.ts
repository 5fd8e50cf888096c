import { type HostRecord, messageOf, type Place, placeName, Unavailable } from "@softmax-bench/core";
import {
  BrowserHost,
  type BrowserKind,
  findBrowser,
  LaunchedBrowser,
  PageServer,
} from "@softmax-bench/host-browser";
import {
  CURRENT_RUNTIME,
  Exchange,
  findRuntime,
  javascriptWorker,
  ProcessHost,
  RUNTIMES,
  type Runtime,
  type RuntimeKind,
} from "@softmax-bench/host-node";
import { findPython, PythonHost } from "@softmax-bench/host-python";
import type { Host } from "@softmax-bench/measure";
import { findAbsence } from "../plan/absent-backend.js";
import { type HostRequest, kindOfHost, THIS_NODE } from "../plan/host-requests.js";
import { BACKENDS_MODULE, loadBackend } from "../plan/load-backends.js";
import { hostsOf, runsIn } from "../plan/places.js";
import type { Consent } from "./consent.js";
import type { HostTable, Problem, Remedies } from "./host-table.js";
import { PAGE_FOLDER } from "./page-folder.js";
import { remediesOf } from "./remedies.js";

export interface HostOptions {
  /** Prints a line for the user. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** The consent to installing runtimes that are not on this machine; undefined to install none. */
  readonly consent: Consent | undefined;
}

/** Tables of the same hosts. */
export interface HostTables extends Disposable {
  readonly tables: readonly [Hosts, ...Hosts[]];
}

/** The hosts of a run, by id. They share one exchange of arrays. */
export class Hosts implements HostTable, Disposable {
  readonly #exchange: Exchange;
  #pages: PageServer | undefined;
  readonly #hosts = new Map<string, Host>();
  readonly #problems = new Map<string, Problem>();
  readonly records: HostRecord[] = [];

  private constructor(say: (line: string) => void) {
    this.#exchange = new Exchange(say);
    this.#add(THIS_NODE, CURRENT_RUNTIME);
  }

  /** Finds the hosts, and installs missing ones. An unavailable host is a record with a reason. */
  static async open(requests: readonly HostRequest[], options: HostOptions): Promise<Hosts> {
    const hosts = new Hosts(options.say);
    try {
      for (const request of requests)
        if (request.id !== THIS_NODE || request.path) await hosts.#find(request, options);
      return hosts;
    } catch (error) {
      hosts[Symbol.dispose]();
      throw error;
    }
  }

  /** Opens several tables of the same hosts, each with an exchange of its own, for workers at the same time. */
  static async openSeveral(
    count: number,
    requests: readonly HostRequest[],
    options: HostOptions,
  ): Promise<HostTables> {
    const first = await Hosts.open(requests, options);
    const tables: [Hosts, ...Hosts[]] = [first];
    const close = () => {
      for (const table of tables) table[Symbol.dispose]();
    };
    try {
      // They are the same: what is said of the first holds for all.
      while (tables.length < count) tables.push(await Hosts.open(requests, { ...options, say: () => {} }));
    } catch (error) {
      close();
      throw error;
    }
    return { tables, [Symbol.dispose]: close };
  }

  /** The host of a place. An unavailable host is replaced by this Node, see `findProblem`. */
  of({ host = THIS_NODE }: Place): Host {
    return this.#hosts.get(host) ?? (this.#hosts.get(THIS_NODE) as Host);
  }

  async findProblem(place: Place): Promise<Problem | undefined> {
    const { backend: id, host = THIS_NODE } = place;
    // A page has backends of its own, which a bundle may lack files of.
    const problem = findAbsence(id) ?? this.#problems.get(host);
    if (problem) return problem;
    const backend = await loadBackend(id);
    const kind = kindOfHost(host);
    if (!backend || !kind || runsIn(backend, kind)) return undefined;
    return {
      reason: `${id} runs in ${hostsOf(backend).join(", ")} only`,
      remedy: runsIn(backend, "node") ? `leave out ${placeName(place)}` : "choose a browser: --host chromium",
    };
  }

  remediesOf(place: Place): Remedies {
    return remediesOf(place);
  }

  [Symbol.dispose](): void {
    this.#pages?.close();
    this.#exchange[Symbol.dispose]();
  }

  async #find(request: HostRequest, options: HostOptions): Promise<void> {
    const { id } = request;
    try {
      this.records.push(await this.#recordOf(request, options));
    } catch (error) {
      if (options.signal.aborted) throw error;
      const remedy = error instanceof Unavailable ? error.remedy : `leave out --host ${id}`;
      const problem = { reason: messageOf(error), remedy };
      this.#problems.set(id, problem);
      this.records.push({ id, status: "unavailable", ...problem });
    }
  }

  async #recordOf(request: HostRequest, options: HostOptions): Promise<HostRecord> {
    switch (request.kind) {
      case "browser":
        return this.#findBrowser(request);
      case "python":
        return this.#findPython(request);
      default:
        return this.#findRuntime(request, options);
    }
  }

  async #findPython({ id }: HostRequest): Promise<HostRecord> {
    const python = await findPython();
    this.#hosts.set(id, new PythonHost(python, this.#exchange));
    return { id, status: "available", runtime: { name: "Python", version: python.version } };
  }

  async #findBrowser({ id, path, version: wanted }: HostRequest): Promise<HostRecord> {
    const browser = await findBrowser(id.split("@", 1)[0] as BrowserKind, path);
    if (wanted !== undefined && !`${browser.version}.`.startsWith(`${wanted}.`)) {
      throw new Unavailable(
        `${browser.executable} is ${browser.name} ${browser.version}, not ${wanted}`,
        `name the program of that version: --host ${browser.kind}=/path/to/${browser.kind}`,
      );
    }
    this.#pages ??= new PageServer(PAGE_FOLDER);
    this.#hosts.set(id, new BrowserHost(id, new LaunchedBrowser(browser, this.#pages)));
    const { name, version, flags } = browser;
    return { id, status: "available", runtime: { name, version }, settings: { flags: flags.join(" ") } };
  }

  async #findRuntime(request: HostRequest, { say, signal, consent }: HostOptions): Promise<HostRecord> {
    const { id, kind } = request;
    const progress = (step: string) => say(`${id}: ${step}`);
    const runtime = await findRuntime(
      { ...request, kind: kind as RuntimeKind },
      consent && { progress, signal, confirm: consent.confirm },
    );
    this.#add(id, runtime);
    const { name, flags } = RUNTIMES[runtime.kind];
    return {
      id,
      status: "available",
      runtime: { name, version: runtime.version },
      settings: { flags: flags.join(" ") },
    };
  }

  #add(id: string, runtime: Runtime): void {
    this.#hosts.set(
      id,
      new ProcessHost(id, { command: javascriptWorker(runtime, BACKENDS_MODULE), exchange: this.#exchange }),
    );
  }
}
