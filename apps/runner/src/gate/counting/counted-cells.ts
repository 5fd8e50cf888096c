import { schema } from "@softmax-bench/core/results";
import { z } from "zod";

/** The content of the file that `bench --count-to` writes. */
export const countedCells = z.object({
  simulator: z.string(),
  cells: z.array(
    z.object({
      cell: z.string(),
      status: schema.cellStatus,
      reason: z.string().optional(),
      /** Instructions per call: the least of the segments. */
      instructions: z.number().positive().optional(),
      /** Instructions per call in each group of calls, in order. */
      segments: z.array(z.number().nonnegative()).optional(),
    }),
  ),
});

export type CountedCells = z.output<typeof countedCells>;
export type CountedCell = CountedCells["cells"][number];
