import { FORMAT_IDS, FORMATS, type FormatId, roundToFormat } from "@softmax-bench/numerics";
import { isWithinLimit, renderJudgement } from "@softmax-bench/report";
import { unknownValue } from "../../plan/unknown-value.js";
import { type Console, terminalOptions, writeBlock, writeJson } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { jsonText } from "../../terminal/json.js";
import { readComputed } from "../../user-gradient/computed-array.js";
import { judgeComputed } from "../../user-gradient/judgement.js";
import type { Reading } from "../../user-gradient/read-array.js";
import { readProblem } from "../../user-gradient/user-arrays.js";
import { integer, newCommand } from "../command.js";
import { type ProblemFlags, toLossOptions, withProblem } from "../problem-flags.js";

interface Flags extends ProblemFlags {
  readonly gradient: string;
  readonly loss?: string;
  readonly dtype?: string;
  readonly maxUlp?: string;
  readonly json?: boolean;
}

/**
 * Default limits. In half precision, kernels compute in a wider format than they write; else rounding x − max x alone
 * may cost a tail entry |x − max x| ULP.
 */
const LARGEST_ULP = { half: 4, full: 16 };

export const command = () =>
  withProblem(
    newCommand("judge").description(
      "Compares a gradient that another program computed, in any language, with the oracle.\n" +
        "An array is a .npy file, a tensor of a .safetensors file (x.safetensors#name), or inline JSON.",
    ),
  )
    .requiredOption("--gradient <file|json>", "of the loss, by the logits, [N, C]; e.g. --gradient g.npy")
    .option("--loss <file|json>", "judged, too: one number, or [N] with --reduction none; e.g. --loss l.npy")
    .option(
      "--dtype <dtype>",
      `the gradient's: ${FORMAT_IDS.join(", ")} (default: its file's; of JSON, float32); e.g. --dtype bfloat16`,
    )
    .option(
      "--max-ulp <n>",
      `largest error of an entry, in ULP of the gradient's dtype (default: ${LARGEST_ULP.full} in float32 and float64, ${LARGEST_ULP.half} in half precision); e.g. --max-ulp 1`,
    )
    .option("--json", "everything as JSON on stdout; e.g. --json > judgement.json")
    .addHelpText(
      "after",
      "\nExit codes: 0 every entry is within --max-ulp; 1 one is not, or the loss is not; 2 wrong usage or input; 130 stopped.",
    );

/** Judges a computed gradient. */
export async function judge(argv: readonly string[], { stdout, signal }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const given = flags.dtype === undefined ? undefined : parseFormat(flags.dtype);
  const wanted = integer("--max-ulp", flags.maxUlp);
  const options = toLossOptions(flags);
  const reading: Reading = {
    untyped: given === "bfloat16" ? given : undefined,
    onUntyped:
      "if the gradient is bfloat16, add --dtype bfloat16; else save this array as float32, which is exact",
  };
  const gradient = readComputed("--gradient", flags.gradient, { given, ofJson: "float32" }, reading);
  const { format } = gradient;
  const maxUlp = wanted ?? (format.endsWith("float16") ? LARGEST_ULP.half : LARGEST_ULP.full);
  const loss =
    flags.loss === undefined
      ? undefined
      : readComputed("--loss", flags.loss, { given: undefined, ofJson: format }, reading);
  // float64 holds the numbers of every dtype: the oracle takes logits exactly as they are.
  const roundJson = (value: number) => roundToFormat(value, 0, FORMATS[format]);
  const problem = readProblem(flags, "float64", options, { ...reading, roundJson });

  const verdict = await judgeComputed(problem, { gradient, loss }, { maxUlp, signal });
  if (!verdict) return EXIT.interrupted;
  const isWithin = isWithinLimit(verdict);
  if (flags.json) writeJson(stdout, `${jsonText({ isWithinLimit: isWithin, ...verdict })}\n`);
  else writeBlock(stdout, renderJudgement(verdict, terminalOptions(stdout)));
  return isWithin ? EXIT.ok : EXIT.failure;
}

function parseFormat(value: string): FormatId {
  const format = FORMAT_IDS.find((known) => known === value);
  if (!format) throw unknownValue("dtype", value, FORMAT_IDS);
  return format;
}
