import { chooseCheckpoints, quote, type ReadGraph, type TrainingGraph } from "@softmax-bench/onnx";
import { distance } from "fastest-levenshtein";
import { UsageError } from "../../terminal/errors.js";

/** The value of `--checkpoint` that leaves the choice to the exporter. */
const AUTO = "auto";
/** The number of names in a refusal. */
const SHOWN = 3;

/** The values that `--checkpoint` keeps, the same for every open size. */
export class Checkpoints {
  #names: readonly string[] | undefined;
  readonly #isChosen: boolean;

  /** @param given names, or `auto` */
  constructor(given: readonly string[]) {
    this.#isChosen = given.length === 1 && given[0] === AUTO;
    if (!this.#isChosen) this.#names = given;
  }

  /**
   * @param train makes the training graph of the model
   * @throws UsageError if the model has no value of a name
   */
  names(model: ReadGraph, train: () => TrainingGraph): readonly string[] {
    this.#names ??= chooseCheckpoints(model, train());
    const known = [...(model.values ?? new Map()).keys(), ...model.parameters.keys()];
    const unknown = this.#names.find((name) => !known.includes(name));
    if (unknown !== undefined) throw unknownCheckpoint(unknown, known);
    return this.#names;
  }

  /** The names that were chosen; undefined if they were given. */
  get chosen(): readonly string[] | undefined {
    return this.#isChosen ? this.#names : undefined;
  }
}

function unknownCheckpoint(name: string, known: readonly string[]): UsageError {
  const closest = known.toSorted((a, b) => distance(name, a) - distance(name, b)).slice(0, SHOWN);
  return new UsageError(
    `--checkpoint: the model has no value ${quote(name)}; closest are ${closest.map(quote).join(", ")}`,
  );
}
