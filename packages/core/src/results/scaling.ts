import { z } from "zod";
import { cellStatus, dtype, host, id, nanoseconds, steadiness, text } from "./fields.js";
import { once } from "./once.js";

/** Growth of a gradient's time with rows, classes and threads: docs/methodology.md justifies the measurement. */

const point = z
  .object({
    rows: z.int().positive(),
    classes: z.int().positive(),
    medianNs: nanoseconds.optional(),
    samples: z.int().nonnegative().describe("how many the median is of"),
    steadiness: steadiness
      .optional()
      .describe(
        "unsettled: it had not stopped changing, and is in no fit; untested: too few samples to tell, as calls take long; it is in the fit",
      ),
    reason: text.optional().describe("why there is no time"),
  })
  .refine((value) => value.medianNs !== undefined || value.reason, {
    path: ["reason"],
    message: "a point without a time needs a reason",
  });

const fit = z
  .object({
    overheadNs: nanoseconds.describe("of a call, whatever its size"),
    rowNs: nanoseconds.describe("of a row, whatever its length"),
    bytesPerSecond: z
      .number()
      .positive()
      .optional()
      .describe("of logits read and gradient written; absent if the times do not grow with them"),
    relativeError: z.number().nonnegative().describe("median |predicted − measured| / measured"),
  })
  .describe(
    "time ≈ overheadNs + rowNs · rows + bytes / bytesPerSecond: non-negative least squares of relative errors",
  );

const bytes = z.number().nonnegative();

const memory = z
  .object({
    beforeBytes: bytes.describe("before the first gradient, its inputs being there"),
    points: z.array(
      z.object({
        elements: z.int().positive(),
        heldBytes: bytes.describe("with a gradient computed and read"),
        afterBytes: bytes.describe("when that was disposed of"),
      }),
    ),
    repeatedBytes: bytes.describe("after the largest once more, three times, each disposed of"),
  })
  .describe("resident set of a process of its own; ascending sizes of rows of 1024 classes");

/** One method on one backend, with a given number of threads. */
export const seriesFields = {
  backend: id,
  host,
  method: id,
  dtype,
  threads: z.int().positive(),
  status: cellStatus,
  reason: text.optional(),
  note: text.optional(),
  points: z.array(point).describe("ascending in elements; empty unless the status is ok"),
  memory: memory.optional().describe("absent where a call takes seconds, or failed"),
  memoryReason: text.optional().describe("why there is no memory, where there are points"),
};

export const series = z
  .object({ ...seriesFields, fit: fit.optional() })
  .refine((value) => value.status === "ok" || value.reason, {
    path: ["reason"],
    message: "a series that is not ok needs a reason",
  });

const threading = z.object({
  backend: id,
  host,
  method: id,
  dtype,
  threads: z.int().min(2),
  fromElements: z
    .int()
    .positive()
    .nullable()
    .describe("from so many on, always more than 1.15 times as fast as with the fewest threads; null: never"),
  best: z.number().positive().describe("largest ratio of the times"),
});

export const scaling = z.object({
  series: z.array(series).superRefine(once("backend", "host", "method", "dtype", "threads")),
  threading: z.array(threading).superRefine(once("backend", "host", "method", "dtype", "threads")),
});
