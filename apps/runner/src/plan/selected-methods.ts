import { type MethodId, type Place, placeName } from "@softmax-bench/core";

/** The methods of a selection. */
export interface SelectedMethods {
  readonly methods: readonly MethodId[];
  /** A user's methods, and the names of the places that have each; all places have all others. */
  readonly ownMethods: ReadonlyMap<string, readonly string[]>;
}

/** The methods of a selection that a place has. */
export const methodsIn = ({ methods, ownMethods }: SelectedMethods, place: Place): MethodId[] =>
  methods.filter((method) => ownMethods.get(method)?.includes(placeName(place)) ?? true);
