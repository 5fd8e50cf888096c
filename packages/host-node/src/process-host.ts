import type { Connection, Host, NamedArrays } from "@softmax-bench/measure";
import { ProcessConnection, type ProcessHostOptions } from "./process-connection.js";
import type { Exchange } from "./shared-memory.js";

/** Workers in processes. */
export class ProcessHost implements Host {
  readonly id: string;
  protected readonly options: ProcessHostOptions;

  /** @param id as users type it: `node`, `node@24`, `bun` */
  constructor(id: string, options: ProcessHostOptions) {
    this.id = id;
    this.options = options;
  }

  connect(environment: Readonly<Record<string, string>>): Connection {
    return new ProcessConnection(environment, this.options);
  }

  holdInputs(inputs: NamedArrays): void {
    this.#exchange().hold(inputs);
  }

  makeRoom(): boolean {
    return this.#exchange().makeRoom();
  }

  #exchange(): Exchange {
    if (!this.options.exchange) throw new Error("this host was started without an exchange of arrays");
    return this.options.exchange;
  }
}
