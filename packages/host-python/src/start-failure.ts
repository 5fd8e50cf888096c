import type { Crash } from "@softmax-bench/measure";

/** The remedy for a worker of Python that died while its runtime started. */
export function remedyForPythonCrash({ cause }: Crash): string {
  switch (cause) {
    case "not started":
      return "let the system start another process: free memory, or raise the limit of processes (ulimit -u)";
    case "memory":
    case "ended by force":
      return "give the machine or the container more memory, unless somebody else killed it";
    case "native":
    case "exited":
    case "protocol":
      return "install the runtime again in a virtual environment of its own, and name its Python: SOFTMAX_BENCH_PYTHON=/path/to/python3";
  }
}
