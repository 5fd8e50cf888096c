/** A problem: its shape and the distribution of its logits and labels. A workload and a seed determine the inputs. */
export interface Workload {
  readonly id: string;
  readonly summary: string;
  /** N, the batch. */
  readonly rows: number;
  /** C, the classes. */
  readonly classes: number;
  /** Standard deviation of the normal logits. */
  readonly scale: number;
  /** A value added to each row's target logit: the confidence of a trained network. */
  readonly margin: number;
  /** `diagonal`: label i mod C for row i. `uniform`: drawn uniformly from the classes. */
  readonly labels: "diagonal" | "uniform";
}

const seed = (size: number): Workload => ({
  id: `seed-${size}`,
  summary: "standard normal logits, label i for row i: the original experiment",
  rows: size,
  classes: size,
  scale: 1,
  margin: 0,
  labels: "diagonal",
});

const head = (id: string, network: string, rows: number, classes: number, margin: number): Workload => ({
  id,
  summary: `the head of ${network}, half trained`,
  rows,
  classes,
  scale: 2,
  margin,
  labels: "uniform",
});

/** The named workloads; the second four are small versions of the first four, for a quick check. */
export const WORKLOADS: readonly Workload[] = [
  seed(3200),
  head("cifar-head", "a CIFAR-10 classifier", 128, 10, 3),
  head("imagenet-head", "an ImageNet classifier", 256, 1000, 6),
  head("vocab", "a language model with GPT-2's vocabulary", 64, 50257, 8),
  seed(128),
  head("cifar-head-16", "a CIFAR-10 classifier", 16, 10, 3),
  head("imagenet-head-16", "an ImageNet classifier", 16, 1000, 6),
  head("vocab-1", "a language model with GPT-2's vocabulary", 1, 50257, 8),
];

/** Elements of the largest accepted workload: its logits take 2 GiB in float64. */
const MAX_ELEMENTS = 2 ** 28;

/**
 * A workload by id, or an ad-hoc one from a shape: `64x1000` is 64 rows of 1000 classes, standard normal.
 * @returns undefined if the id is neither.
 * @throws RangeError if the shape is empty or too large.
 */
export function findWorkload(id: string): Workload | undefined {
  const shape = /^(\d{1,9})x(\d{1,9})$/.exec(id);
  if (!shape) return WORKLOADS.find((workload) => workload.id === id);
  const [rows, classes] = [Number(shape[1]), Number(shape[2])];
  if (rows < 1 || classes < 1 || rows * classes > MAX_ELEMENTS) {
    throw new RangeError(`workload ${id}: expected 1 to ${MAX_ELEMENTS} elements, got ${rows * classes}`);
  }
  return {
    id: `${rows}x${classes}`,
    summary: "standard normal logits, uniform labels",
    rows,
    classes,
    scale: 1,
    margin: 0,
    labels: "uniform",
  };
}
