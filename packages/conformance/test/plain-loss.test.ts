import { describeBackend } from "@softmax-bench/conformance";
import { syncBackend } from "@softmax-bench/core";

/** As small as a backend can be: one method, one dtype – and not the one that most have – and the plain loss. */
const smallest = syncBackend({
  id: "smallest",
  version: "1.0",
  dtypes: ["float64"],
  methods: {
    "manual/exact-target"({ rows, classes }, { logits, labels }, gradient) {
      let loss = 0;
      for (let row = 0; row < rows; row++) {
        const start = row * classes;
        const x = Float64Array.from(logits.subarray(start, start + classes));
        const max = x.reduce((a, b) => Math.max(a, b));
        const exps = x.map((value) => Math.exp(value - max));
        const sum = exps.reduce((a, b) => a + b);
        const target = labels[row] as number;
        loss += (Math.log(sum) - ((x[target] as number) - max)) / rows;
        const others = exps.reduce((total, exp, index) => (index === target ? total : total + exp), 0);
        gradient?.set(
          exps.map((exp, index) => (index === target ? -others : exp) / sum / rows),
          start,
        );
      }
      return loss;
    },
  },
});

await describeBackend(smallest, { trains: false, plainLossOnly: true });
