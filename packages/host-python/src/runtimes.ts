/** A runtime of Python that workers know. */
export interface PythonRuntime {
  /** The file in `python/` that reads graphs for it. */
  readonly module: string;
  /** Operators of the loss that it has no function for. */
  readonly lacks: readonly string[];
  /** The remedy if Python cannot import it. */
  readonly remedy: string;
}

/** By the id of the backend. */
export type PythonRuntimes = Readonly<Record<string, PythonRuntime>>;

const NAMED = "SOFTMAX_BENCH_PYTHON=/path/to/python3 names the Python to use, python3 if it is not set";

export const PYTHON_RUNTIMES = {
  pytorch: {
    module: "pytorch",
    lacks: [],
    remedy: `apt-get install python3-torch (about 40 MB, 180 MB installed), for /usr/bin/python3; ${NAMED}`,
  },
  jax: {
    module: "jax_",
    lacks: ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"],
    remedy: `pip install jax (about 100 MB, 350 MB installed) in a virtual environment; ${NAMED}`,
  },
} satisfies PythonRuntimes;
