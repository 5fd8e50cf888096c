export type { Published } from "./cifar/download.js";
export { CIFAR10, type LoadedImages, type LoadOptions, loadImages } from "./cifar/load.js";
export { DataError, type Images } from "./cifar/records.js";
export { syntheticImages } from "./cifar/synthetic.js";
export { initialize } from "./initialize.js";
export type { Channels, Layer } from "./layers.js";
export { CLASSES, IMAGE_SHAPE, NETWORK_IDS, type Network, type NetworkId, network } from "./networks.js";
export { Reordering } from "./reorder.js";
