import { z } from "zod";
import { cellStatus, dtype, host, id, label, nanoseconds, real, text } from "./fields.js";
import { once } from "./once.js";

/** The depth experiment: hand-written against automatic gradients on top of networks of growing depth. */

const overSeeds = z.object({
  median: real,
  mad: real.describe("median absolute deviation from the median, unscaled"),
  samples: z.array(real).describe("one per seed"),
});

const between = z.object({
  relL2: overSeeds.describe("‖a − b‖₂ / ‖b‖₂"),
  maxUlp: overSeeds,
});

/** The gradients of a layer's weight and bias together, or of all parameters of a network. */
export const gradients = z.object({
  parameters: z.int().positive().describe("how many numbers"),
  norm: overSeeds.describe("‖g‖₂ of the automatic gradient"),
  distance: between.describe("by hand (a) against automatic (b)"),
  reordering: between.describe(
    "the automatic gradient with every sum in another order (a) against itself (b)",
  ),
  error: z
    .object({ manual: overSeeds, autograd: overSeeds })
    .optional()
    .describe("‖g − g*‖₂ / ‖g*‖₂ against the float64 reference"),
});

const layer = gradients.extend({ name: label });

const stepTime = z.object({ medianNs: nanoseconds, samples: z.array(nanoseconds) });

const curve = z.array(real).describe("loss of each step");

/** One network on one backend. */
export const networkFields = {
  backend: id,
  host,
  dtype,
  depth: z.int().positive().describe("layers with weights"),
  status: cellStatus,
  reason: text.optional(),
  note: text.optional(),
  whole: gradients.optional().describe("over all parameters"),
  layers: z.array(layer).describe("from the images to the logits; empty unless the status is ok"),
  step: z
    .object({
      manual: stepTime,
      autograd: stepTime,
      ratio: z.object({
        median: z.number().positive().describe("time of the automatic step over that by hand, of pairs"),
        ci95: z
          .tuple([z.number(), z.number()])
          .describe("interval of the median; the range of the pairs where they are too few for 95 %"),
        coverage: z.number().min(0).max(1).describe("probability that the interval covers the median"),
      }),
    })
    .optional()
    .describe("a step of training: upload, loss and all gradients, copied back"),
  training: z
    .object({ manual: curve, autograd: curve, reordered: curve.describe("automatic, sums in another order") })
    .optional(),
};

export const network = z.object(networkFields).refine((value) => value.status === "ok" || value.reason, {
  path: ["reason"],
  message: "a network that is not ok needs a reason",
});

const trend = z.object({
  backend: id,
  host,
  dtype,
  of: z.enum(["distance", "reordering", "error/manual", "error/autograd"]),
  exponent: z
    .number()
    .describe("s of relative L2 ∝ depth^s, over all parameters: the median of each seed's fit"),
  ci: z.tuple([z.number(), z.number()]).describe("between order statistics of the seeds"),
  coverage: z.number().min(0).max(1).describe("probability that the interval covers the median"),
});

export const depth = z.object({
  network: id,
  batch: z.int().positive(),
  seeds: z.int().positive(),
  methods: z.object({ manual: id, autograd: id }),
  images: z.object({
    source: z.enum(["CIFAR-10", "synthetic"]),
    note: text.optional().describe("why they are synthetic"),
    digest: text.describe("SHA-256 of pixels and labels"),
  }),
  reference: text.describe("what errors are against, or why there are none"),
  training: z.object({ steps: z.int().positive(), learningRate: z.number().positive() }).optional(),
  networks: z.array(network).superRefine(once("backend", "host", "dtype", "depth")),
  trends: z.array(trend).superRefine(once("backend", "host", "dtype", "of")),
});
