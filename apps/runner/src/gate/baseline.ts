import { type Checkout, listIn, type PassOptions } from "./checkout.js";
import type { KnownDigests } from "./known-digests.js";
import { hashLockfile } from "./own-repository.js";

/** The baseline of a gate. Its checkout is made ready when something has to be measured of it. */
export class Baseline {
  /** The user's name for it. */
  readonly name: string;
  /** Digests of its gradients from earlier gates; undefined if they must not be used. */
  readonly known: KnownDigests | undefined;
  readonly #prepare: () => Promise<Checkout>;
  #checkout: Promise<Checkout> | undefined;

  /** @param prepare makes its checkout ready; called at most once */
  constructor(name: string, prepare: () => Promise<Checkout>, known?: KnownDigests) {
    this.name = name;
    this.known = known;
    this.#prepare = prepare;
  }

  /** The baseline of a checkout that is ready. */
  static of(checkout: Checkout): Baseline {
    return new Baseline(checkout.name, async () => checkout);
  }

  checkout(): Promise<Checkout> {
    this.#checkout ??= this.#prepare();
    return this.#checkout;
  }

  /** The checkout, if something was measured of it. */
  get used(): Promise<Checkout> | undefined {
    return this.#checkout;
  }

  /** Keys of the cells that it has. @param flags those of `bench` */
  async list(
    flags: readonly string[],
    options: Pick<PassOptions, "patience" | "signal">,
  ): Promise<readonly string[]> {
    const known = this.known?.list(flags);
    if (known) return known;
    const listed = await listIn(await this.checkout(), flags, options);
    this.known?.addList(flags, listed);
    return listed;
  }

  /** First digits of the digest of its lockfile; undefined if it has none. */
  async lockfile(): Promise<string | undefined> {
    return this.#checkout ? hashLockfile(await this.#checkout) : this.known?.lockfile;
  }
}
