import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Dockerfile, DockerfileParser } from "dockerfile-ast";
import { z } from "zod";

/** The package that an image holds: its folder has `bin`. */
const APP = dirname(fileURLToPath(new URL("../../../all/bin", import.meta.url)));
const file = fileURLToPath(new URL("../../../../deploy/Dockerfile", import.meta.url));

export const DOCKERFILE = readFileSync(file, "utf8");
export const dockerfile: Dockerfile = DockerfileParser.parse(DOCKERFILE);

const words = z.array(z.string()).min(1);

/** The words of the one ENTRYPOINT or CMD, which must be a list: in a string, a shell would be the first process. */
const wordsOf = (keyword: "ENTRYPOINT" | "CMD"): string[] => {
  const found = dockerfile.getInstructions().filter((one) => one.getKeyword() === keyword);
  const [only] = found;
  if (!only || found.length > 1) throw new Error(`expected one ${keyword}, found ${found.length}`);
  return words.parse(JSON.parse(only.getRawArgumentsContent() ?? ""));
};

/** The command that the image starts: `docker run <image> <args>`, or its default command. */
export const imageCommand = (args: readonly string[] = wordsOf("CMD")): string[] => [
  ...wordsOf("ENTRYPOINT"),
  ...args,
];

/** The same with this checkout in the place of what the image has in `/app`: the command line with all runtimes. */
export function commandHere(args?: readonly string[]): string[] {
  const command = imageCommand(args).map((word) => word.replace(/^\/app(?=\/|$)/, APP));
  if (!existsSync(command[1] ?? "")) throw new Error(`the image starts ${command[1]}, which is not there`);
  return command;
}
