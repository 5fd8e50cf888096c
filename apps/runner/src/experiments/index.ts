import type { Images } from "@softmax-bench/networks";
import type { Header } from "../results/journal/entries.js";
import { CurveExperiment } from "./curves/curves.js";
import type { Experiment } from "./experiment.js";
import { NetworkExperiment } from "./networks/networks.js";
import { ScalingExperiment } from "./scaling/series.js";

/**
 * The experiments of a run, in the order in which each backend does them.
 *
 * @param images that networks see; without them networks can be planned and reported, but not run
 */
export const createExperiments = (header: Header, images?: Images): readonly Experiment[] => [
  ...(header.sweeps?.length ? [new CurveExperiment(header.seed, header.sweeps)] : []),
  ...(header.depth ? [new NetworkExperiment(header.depth, header.threads, images)] : []),
  ...(header.scaling ? [new ScalingExperiment(header.scaling)] : []),
];
