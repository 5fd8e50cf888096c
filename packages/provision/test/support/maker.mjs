// Makes a part that takes a second, and signs for it beside it.
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { provision } from "@softmax-bench/provision";

const outcome = await provision(
  {
    name: "part-1.0",
    space: 1e3,
    async build(folder) {
      writeFileSync(join(folder, "library.so"), "made");
      await sleep(1000);
      appendFileSync(join(process.env.SOFTMAX_BENCH_CACHE, "made-by"), `${process.pid}\n`);
    },
  },
  { progress: () => {}, signal: new AbortController().signal },
);
process.exitCode = outcome.available ? 0 : 1;
