import type { Connection, Host, NamedArrays } from "@softmax-bench/measure";
import type { Exchange } from "./exchange.js";
import { NodeConnection, type NodeHostOptions } from "./node-connection.js";

/** Workers in processes of the Node that this runs in. */
export class NodeHost implements Host {
  readonly id = "node";
  readonly #options: NodeHostOptions;

  constructor(options: NodeHostOptions) {
    this.#options = options;
  }

  connect(environment: Readonly<Record<string, string>>): Connection {
    return new NodeConnection(environment, this.#options);
  }

  holdInputs(inputs: NamedArrays): void {
    this.#exchange().hold(inputs);
  }

  makeRoom(): boolean {
    return this.#exchange().makeRoom();
  }

  #exchange(): Exchange {
    if (!this.#options.exchange) throw new Error("this host was started without an exchange of arrays");
    return this.#options.exchange;
  }
}
