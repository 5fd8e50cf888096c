import type { CellStatus, FloatArray, MethodId, StepInputs } from "@softmax-bench/core";
import { floatArray, messageOf } from "@softmax-bench/core";
import { sizeOf } from "@softmax-bench/graph";
import type { Values } from "@softmax-bench/measure";
import {
  buildNetwork,
  type Finished,
  type NetworkSpec,
  type StepsRequest,
  stepArrays,
  type TrainRequest,
} from "@softmax-bench/measure";
import type { DepthSettings } from "../../results/journal/entries.js";
import type { BackendSession } from "../../session/backend-session.js";
import { type TaskOutcome, toTaskOutcome } from "../../session/outcome.js";

/** The session that networks are run on. */
type Session = Pick<BackendSession, "place" | "run" | "readResults">;

export type NotRun = { readonly status: Exclude<CellStatus, "ok">; readonly reason: string };

export interface Steps {
  readonly status: "ok";
  /** All gradients of a step as one array: by set of inputs, then by method. */
  readonly gradients: readonly (readonly FloatArray[])[];
  /** Nanoseconds of each step, by method, then by set. */
  readonly samples: readonly (readonly number[])[];
}

export interface Training {
  readonly status: "ok";
  /** The loss of each step. */
  readonly losses: number[];
}

/** Sets of inputs. Equal names mean equal sets. */
interface NamedSets {
  readonly name: string;
  readonly of: readonly StepInputs[];
}

/** Runs each method on each set of inputs. */
export async function runSteps(
  session: Session,
  network: NetworkSpec,
  methods: readonly MethodId[],
  sets: NamedSets,
): Promise<Steps | NotRun> {
  const parameters = [...buildNetwork(network).parameters.values()];
  const size = parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const gradients = sets.of.map(() => methods.map(() => floatArray(network.dtype, size)));
  const loss = floatArray(network.dtype, 1);
  const request: StepsRequest = { type: "steps", network, methods, sets: sets.of.length };
  const into = gradients.flat().flatMap((gradient) => [loss, gradient]);
  const answer = await runOn(session, request, sets, "stepped", into);
  if (answer.status !== "ok") return answer;
  return { status: "ok", gradients, samples: answer.reply.samples };
}

/** Trains on sets of inputs repeatedly, from the weights of the first. */
export async function runTraining(
  session: Session,
  network: NetworkSpec,
  method: MethodId,
  sets: NamedSets,
  training: NonNullable<DepthSettings["training"]>,
): Promise<Training | NotRun> {
  const request: TrainRequest = { type: "train", network, method, sets: sets.of.length, ...training };
  const losses = new Float64Array(training.steps);
  const answer = await runOn(session, request, sets, "trained", [losses]);
  return answer.status === "ok" ? { status: "ok", losses: [...losses] } : answer;
}

async function runOn<Type extends Finished["type"]>(
  session: Session,
  request: StepsRequest | TrainRequest,
  { name, of }: NamedSets,
  wanted: Type,
  into: readonly Values[],
): Promise<TaskOutcome<Type>> {
  const inputs = { id: name, make: () => of.flatMap(stepArrays) };
  const answer = toTaskOutcome(session.place, await session.run(request, inputs), wanted);
  if (answer.status !== "ok") return answer;
  try {
    session.readResults(into);
  } catch (error) {
    return { status: "failed", reason: messageOf(error) };
  }
  return answer;
}
