import {
  type FloatArray,
  type MethodId,
  type NetworkRecord,
  placeName,
  type Results,
  type StepInputs,
} from "@softmax-bench/core";
import { sizeOf } from "@softmax-bench/graph";
import { buildNetwork, concatParameters, type NetworkSpec, splitParameters } from "@softmax-bench/measure";
import { type Images, type Network, Reordering } from "@softmax-bench/networks";
import { formatError } from "@softmax-bench/report";
import { median, medianInterval } from "@softmax-bench/stats";
import { networkKey, type Plan, type PlannedNetwork } from "../../plan/plan.js";
import type { DepthSettings } from "../../results/journal/entries.js";
import type { BackendSession } from "../../session/backend-session.js";
import type { Experiment, ExperimentRun } from "../experiment.js";
import { depthSection } from "./depth-section.js";
import { differences, type SeedGradients } from "./network-differences.js";
import { NetworkInputs } from "./network-inputs.js";
import { type NotRun, runSteps, runTraining } from "./network-runner.js";
import { REFERENCE } from "./reference.js";

/** A gradient of each seed, or the reason why there is none. */
type References = { readonly gradients: readonly Float64Array[] } | { readonly reason: string };

/** Compares the gradient by hand with the automatic one on networks, layer by layer. */
export class NetworkExperiment implements Experiment<PlannedNetwork, NetworkRecord> {
  readonly type = "network";
  readonly unit = "networks";
  readonly #settings: DepthSettings;
  readonly #threads: number;
  readonly #inputs: NetworkInputs | undefined;
  readonly #references = new Map<number, References>();

  /** @param images that the networks see; without them nothing can be run */
  constructor(settings: DepthSettings, threads: number, images: Images | undefined) {
    this.#settings = settings;
    this.#threads = threads;
    this.#inputs = images && new NetworkInputs(settings, images);
  }

  plannedWork({ networks }: Plan): readonly PlannedNetwork[] {
    return networks;
  }

  key(network: PlannedNetwork): string {
    return networkKey(network);
  }

  label({ dtype, depth, ...place }: PlannedNetwork): string {
    return `${placeName(place)} ${dtype} depth ${depth}`;
  }

  weight({ depth }: PlannedNetwork): number {
    return depth;
  }

  describe({ whole }: NetworkRecord): string {
    const of = (quantity: "distance" | "reordering") =>
      formatError(whole?.[quantity]?.relL2.median ?? Number.NaN);
    return `distance ${of("distance")}, reordering ${of("reordering")}`;
  }

  section(networks: readonly NetworkRecord[]): Partial<Results> {
    return { depth: depthSection(this.#settings, networks) };
  }

  /** Computes the reference gradients of each depth. A comparison without one has no errors. */
  async prepare(
    remaining: readonly PlannedNetwork[],
    { announce, signal, useSession }: ExperimentRun,
  ): Promise<void> {
    const depths = new Set(remaining.map(({ depth }) => depth));
    if (depths.size === 0) return;
    await useSession({ backend: REFERENCE.backend }, this.#threads, async (session) => {
      for (const depth of depths) {
        if (signal.aborted) return;
        announce(`float64 reference of depth ${depth}`);
        await this.#computeReference(depth, session);
      }
    });
  }

  /** Steps and, if the experiment has it, training of one network on one backend. */
  async run(network: PlannedNetwork, session: BackendSession): Promise<NetworkRecord> {
    const spec = this.#needInputs().toSpec(network.depth, network.dtype);
    const compared = await this.#compareSteps(session, spec);
    if (compared.status !== "ok") return { ...network, ...compared, layers: [] };
    const trained = await this.#train(session, spec);
    if (trained && "status" in trained) return { ...network, ...trained, layers: [] };
    return { ...network, ...compared, ...(trained ? { training: trained } : {}) };
  }

  #needInputs(): NetworkInputs {
    if (!this.#inputs) throw new Error("networks cannot be run without images");
    return this.#inputs;
  }

  async #computeReference(depth: number, session: BackendSession): Promise<void> {
    const spec = this.#needInputs().toSpec(depth, "float64");
    const net = buildNetwork(spec);
    const steps = this.#needInputs().steps(depth, "float64");
    // In orders that no comparison uses; otherwise a float64 backend would be compared with itself.
    const orders = steps.map((_, seed) => new Reordering(net, -1 - seed));
    const sets = { name: `reference ${depth}`, of: steps.map((step, seed) => reordered(orders[seed], step)) };
    const ran = await runSteps(session, spec, [REFERENCE.method], sets);
    this.#references.set(
      depth,
      ran.status === "ok"
        ? {
            gradients: ran.gradients.map(
              ([one], seed) => restored(net, spec, orders[seed], one) as Float64Array,
            ),
          }
        : { reason: ran.reason },
    );
  }

  async #compareSteps(session: BackendSession, spec: NetworkSpec) {
    const { manual, autograd } = this.#settings.methods;
    const net = buildNetwork(spec);
    const steps = this.#needInputs().steps(spec.depth, spec.dtype);
    const orders = steps.map((_, seed) => new Reordering(net, seed));
    // Every step is followed by itself in another order.
    const of = steps.flatMap((step, seed) => [step, reordered(orders[seed], step)]);
    const sets = { name: `steps ${spec.depth} ${spec.dtype}`, of };
    const ran = await runSteps(session, spec, [manual, autograd] as MethodId[], sets);
    if (ran.status !== "ok") return ran;

    const known = this.#references.get(spec.depth) ?? { reason: "it was not computed" };
    const seeds = orders.map((order, seed): SeedGradients => {
      const [plain, other] = ran.gradients.slice(2 * seed);
      return {
        manual: plain?.[0] as FloatArray,
        autograd: plain?.[1] as FloatArray,
        reordered: restored(net, spec, order, other?.[1]),
        reference: "gradients" in known ? known.gradients[seed] : undefined,
      };
    });
    return {
      status: "ok" as const,
      ...("reason" in known ? { note: `no float64 reference: ${known.reason}` } : {}),
      whole: differences(seeds, 0, seeds[0]?.autograd.length ?? 0),
      layers: compareLayers(net, seeds),
      step: stepTimes(ran.samples),
    };
  }

  /** Trains by hand, automatically, and automatically in another order; undefined if the experiment has no training. */
  async #train(session: BackendSession, spec: NetworkSpec): Promise<NetworkRecord["training"] | NotRun> {
    const { training, methods } = this.#settings;
    if (!training) return undefined;
    const net = buildNetwork(spec);
    const steps = this.#needInputs().training(spec.depth, spec.dtype);
    const order = new Reordering(net, 0);
    const plain = { name: `training ${spec.depth} ${spec.dtype}`, of: steps };
    const other = { name: `${plain.name} reordered`, of: steps.map((step) => reordered(order, step)) };
    const train = (method: string, sets: typeof plain) =>
      runTraining(session, spec, method as MethodId, sets, training);
    const manual = await train(methods.manual, plain);
    if (manual.status !== "ok") return manual;
    const autograd = await train(methods.autograd, plain);
    if (autograd.status !== "ok") return autograd;
    const shuffled = await train(methods.autograd, other);
    if (shuffled.status !== "ok") return shuffled;
    return { manual: manual.losses, autograd: autograd.losses, reordered: shuffled.losses };
  }
}

const reordered = (order: Reordering | undefined, step: StepInputs): StepInputs => order?.apply(step) ?? step;

function restored(
  net: Network,
  spec: NetworkSpec,
  order: Reordering | undefined,
  gradient: FloatArray | undefined,
): FloatArray {
  if (!order || !gradient) throw new Error("there are as many orders and gradients as seeds");
  return concatParameters(net, order.restore(splitParameters(net, gradient)), spec);
}

/** The layers of a network. A layer's weight and bias are adjacent among the parameters. */
function compareLayers(
  { layers, parameters }: Network,
  seeds: readonly SeedGradients[],
): NetworkRecord["layers"] {
  let end = 0;
  return layers.map(({ name, parameters: own }) => {
    const start = end;
    for (const parameter of own) end += sizeOf(parameters.get(parameter)?.shape ?? []);
    return { name, ...differences(seeds, start, end) };
  });
}

/** Times of a step by hand and automatic, pair by pair. */
export function stepTimes([
  manual = [],
  autograd = [],
]: readonly (readonly number[])[]): NetworkRecord["step"] {
  const ratios = manual.map((ns, set) => (autograd[set] as number) / ns);
  const { low, high, coverage } = medianInterval(ratios);
  return {
    manual: { medianNs: median(manual), samples: [...manual] },
    autograd: { medianNs: median(autograd), samples: [...autograd] },
    ratio: {
      median: median(ratios),
      ci95: [low, high],
      coverage,
    },
  };
}
