/** The name of the program, where it is installed. */
export const PROGRAM = "softmax-bench";
