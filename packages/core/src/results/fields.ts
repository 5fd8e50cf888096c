import { z } from "zod";

/** The building blocks of the results format. */

const NON_FINITE = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};
type NonFiniteName = keyof typeof NON_FINITE;

/** A number that may be non-finite. JSON cannot express that; there it is "NaN", "Infinity" or "-Infinity". */
export const real = z.codec(
  // No enum, whose declaration would have a key "-Infinity": TypeScript 7.0 writes that without its quotes.
  z.union([z.number(), z.literal(["NaN", "Infinity", "-Infinity"])]),
  z.custom<number>((value) => typeof value === "number"),
  {
    decode: (json) => (typeof json === "number" ? json : NON_FINITE[json]),
    encode: (value) => (Number.isFinite(value) ? value : (String(value) as NonFiniteName)),
  },
);

export const nanoseconds = z.number().nonnegative().describe("ns");
export const text = z.string().max(10_000);
export const label = z.string().min(1).max(200);

/** A name, or several separated by slashes as in `manual/naive`. No path built from it leaves its folder. */
export const id = z
  .string()
  .max(200)
  .regex(/^\w[\w.@+-]*(?:\/\w[\w.@+-]*)*$/);

/** An id that is a valid name of one folder or file. */
export const fileName = z
  .string()
  .max(100)
  .regex(/^\w[\w.@+-]*$/);

/** The host of a backend, as a user types it: `bun`, `node@24`. */
export const host = id
  .optional()
  .describe("id of one of hosts; absent where it is node, the Node that started the run");

export const dtype = z.enum(["float32", "float64", "float16", "bfloat16"]);

export const cellStatus = z.enum(["ok", "unsupported", "failed", "timeout", "crashed"]);

/**
 * Tells if times had stopped changing: see `testSteadiness` in packages/stats. Nothing is concluded from an `unsettled`
 * time, which is too long by an unknown amount. An `untested` one has too few samples to tell, since its calls are long.
 * It is never called the fastest. It counts where repetition shows its noise: in the runs of a history, over several
 * processes in a comparison, and over the shapes of a fit.
 */
export const steadiness = z.enum(["settled", "unsettled", "untested"]);
