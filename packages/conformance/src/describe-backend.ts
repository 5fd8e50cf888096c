import { createHash } from "node:crypto";
import {
  type Backend,
  DTYPE_IDS,
  type Engine,
  errorBounds,
  type FloatDType,
  type GradientResult,
  type GradientTask,
  isPlainLoss,
  type KernelAccuracy,
  METHODS,
  type Method,
  type MethodId,
  methodIdsOf,
} from "@softmax-bench/core";
import { isHalf } from "@softmax-bench/graph";
import { NETWORK_IDS, type NetworkId } from "@softmax-bench/networks";
import { oracle } from "@softmax-bench/numerics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CASES,
  type Case,
  EMPTY_CASES,
  expectation,
  MASKED_CASES,
  OPTION_CASES,
  type Quirks,
  toInputs,
} from "./cases.js";
import { describeNetworks } from "./networks.js";

export interface DescribeOptions {
  /** Live objects on the runtime's side (tensors, buffers); their number must return to its start after disposal. */
  readonly liveObjects?: () => number;
  /** True if it trains networks, so its engine has `prepareStep`; default: true. */
  readonly trains?: boolean;
  /** True if it overlaps uploading, computing and reading, so its prepared tasks have `roundtrip`; default: false. */
  readonly overlaps?: boolean;
  /** True if it computes only the mean over rows with one label each, and rejects other losses; default: false. */
  readonly plainLossOnly?: boolean;
  /** True if the library's own loss multiplies by a one-hot matrix: it is NaN if a class is masked. */
  readonly libraryMultiplies?: boolean;
  /**
   * It compiles each task, for a tenth of a second or more: a case is tried with every fourth method only, the ordinary one with all.
   * Where cases are tried in turn, each method has one in each dtype, and no network is trained.
   */
  readonly compilesSlowly?: boolean;
  /**
   * Tries each case once, with the methods and dtypes in turn, a dense network, and a fifth of the runs that look for leaks: for a
   * quick look. Default: false.
   */
  readonly casesInTurn?: boolean;
  /** Its compiler makes x / x one: the naive formulation has no overflow for one class. */
  readonly cancelsQuotients?: boolean;
}

/** One automatic and one hand-written method; for a backend with neither, its first. */
const LEAK_CHECKED: readonly MethodId[] = ["autograd/shifted", "manual/exact-target"];

/**
 * The one suite that every adapter passes. For an unavailable backend, the suite is one skipped test that says why. It
 * fails instead if the environment variable SOFTMAX_BENCH_REQUIRED_BACKENDS names the backend.
 */
export async function describeBackend(
  backend: Backend,
  {
    liveObjects,
    trains = true,
    overlaps = false,
    plainLossOnly = false,
    libraryMultiplies = false,
    compilesSlowly = false,
    casesInTurn = false,
    cancelsQuotients = false,
  }: DescribeOptions = {},
): Promise<void> {
  const availability = await backend.probe();
  if (!availability.available) {
    const { reason, remedy } = availability;
    const title = `backend ${backend.id} is unavailable: ${reason} (${remedy})`;
    if (isRequired(backend.id)) it(title, () => expect.unreachable(title));
    else it.skip(title);
    return;
  }
  const methods = METHODS.filter(({ id }) => methodIdsOf(backend).includes(id));
  const ids = methods.map(({ id }) => id);
  const dtypes = DTYPE_IDS.filter((dtype) => backend.dtypes.includes(dtype));
  const [firstMethod] = ids;
  const [firstDtype] = dtypes;
  if (!firstMethod || !firstDtype) throw new Error(`${backend.id} has no method, or no dtype, that there is`);
  /** The method, or the backend's first if it lacks that. */
  const orFirst = (method: MethodId) => (ids.includes(method) ? method : firstMethod);
  const prepareOrdinary = (engine: Engine, inputs = toInputs(firstDtype, ORDINARY)) =>
    engine.prepare(toTask(orFirst("manual/shifted"), firstDtype, ORDINARY), inputs);
  describe(`backend ${backend.id}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await backend.open({ threads: 1 });
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    it("names its engine, version, device and dtypes", () => {
      expect(engine.info.engine.name).not.toBe("");
      expect(engine.info.engine.version).toMatch(/^\d+\.\d+/);
      expect(engine.info.device.name).not.toBe("");
      expect(engine.info.threads).toBeGreaterThan(0);
      expect(backend.dtypes).toEqual(expect.arrayContaining([...engine.info.dtypes]));
    });

    const cases = [...CASES, ...OPTION_CASES, ...MASKED_CASES, ...EMPTY_CASES];
    const combinations = methods.flatMap((method) => dtypes.map((dtype) => ({ method, dtype })));
    const turns = Math.ceil(cases.length / combinations.length);
    for (const [turn, { method, dtype }] of combinations.entries()) {
      // Methods share the cases where tasks are compiled slowly, and in half precision.
      const spread = isHalf(dtype) ? (compilesSlowly ? 8 : 4) : compilesSlowly ? 4 : 1;
      const at = methods.indexOf(method);
      const isInTurn = (index: number) =>
        index % combinations.length === turn &&
        (!compilesSlowly || Math.floor(index / combinations.length) === turn % turns);
      const isTried = (one: Case, index: number) =>
        casesInTurn ? isInTurn(index) : one === ORDINARY || index % spread === at % spread;
      const quirks = { libraryMultiplies, cancelsQuotients };
      const isRefused = (one: Case) => plainLossOnly && !isPlainLoss(one);
      const tried = cases
        .filter(isTried)
        .filter((one) => isRefused(one) || expectation(method, dtype, one, quirks) !== "unspecified");
      describe(`${method.id} ${dtype}`, () => {
        const check = { engineOf: () => engine, method, dtype, kernels: backend.kernels, quirks };
        for (const input of tried.length > 0 ? tried : [ORDINARY]) {
          if (isRefused(input)) checkRefusal(check, input);
          else checkCase(check, input);
        }
      });
    }

    const cheapest: readonly NetworkId[] = compilesSlowly ? [] : ["mlp"];
    if (trains) describeNetworks(backend, () => engine, casesInTurn ? cheapest : NETWORK_IDS);
    else {
      it("trains no network, and has nothing for it", () => {
        expect(engine.prepareStep).toBeUndefined();
      });
    }

    it("computes the same gradient where it was prepared without forward", async () => {
      const inputs = toInputs(firstDtype, ORDINARY);
      const method = orFirst("manual/shifted");
      await using prepared = await engine.prepare(toTask(method, firstDtype, ORDINARY), inputs, {
        forward: false,
      });
      expect(digest(await prepared.read())).toBe(digest(await compute(engine, method, ORDINARY, firstDtype)));
    });

    it("supports the tasks of its methods and dtypes, and says why not, before it compiles, for the others", async () => {
      const all = METHODS.flatMap(({ id }) => DTYPE_IDS.map((dtype) => [id, dtype] as const));
      const others = all.filter(([id, dtype]) => !ids.includes(id) || !engine.info.dtypes.includes(dtype));
      const refused = all.filter(([id, dtype]) => !engine.supports(toTask(id, dtype, ORDINARY)).ok);
      expect(refused).toEqual(others);
      for (const [id, dtype] of refused) {
        const task = toTask(id, dtype, ORDINARY);
        expect(engine.supports(task)).toEqual({ ok: false, reason: expect.stringMatching(/\w/) });
        await expect(engine.prepare(task, toInputs(dtype, ORDINARY))).rejects.toThrow(/\w/);
      }
    });

    it("computes the same bits twice", async () => {
      const digests = new Set<string>();
      for (let time = 0; time < 2; time++)
        digests.add(digest(await compute(engine, orFirst("manual/fused"), ORDINARY, firstDtype)));
      expect(digests.size).toBe(1);
    });

    it("sees changed inputs after upload", async () => {
      const inputs = toInputs(firstDtype, ORDINARY);
      await using prepared = await prepareOrdinary(engine, inputs);
      await prepared.gradient();
      const before = digest(await prepared.read());
      inputs.logits.reverse();
      await prepared.upload();
      await prepared.gradient();
      const after = await prepared.read();
      const { rows, classes } = ORDINARY;
      const exact = oracle({ rows, classes, ...inputs });
      expect(after.loss[0]).toBeCloseTo(exact.loss.hi[0] as number, 5);
      const afterwards = digest(after);
      expect(afterwards).not.toBe(before);
    });

    if (overlaps) {
      it("returns the bits of the inputs as they are from a round trip", async () => {
        const inputs = toInputs(firstDtype, ORDINARY);
        await using prepared = await prepareOrdinary(engine, inputs);
        const { roundtrip } = prepared;
        if (!roundtrip) return expect.fail("there is no roundtrip; describe the backend without overlaps");
        const before = digest(await prepared.read());
        expect(digest(await roundtrip.call(prepared))).toBe(before);
        inputs.logits.reverse();
        const after = digest(await roundtrip.call(prepared));
        expect(after).not.toBe(before);
        await prepared.upload();
        expect(digest(await prepared.read())).toBe(after);
      });
    } else {
      it("has no round trip of its own", async () => {
        await using prepared = await prepareOrdinary(engine);
        expect(prepared.roundtrip).toBeUndefined();
      });
    }

    const run = async () => {
      for (const method of new Set(LEAK_CHECKED.map(orFirst))) {
        await compute(engine, method, ORDINARY, firstDtype);
      }
    };

    if (liveObjects) {
      it("gives back every object on the runtime's side", async () => {
        await run();
        const before = liveObjects();
        for (let count = 0; count < 20; count++) await run();
        expect(liveObjects()).toBe(before);
      });
    }

    const rounds = casesInTurn ? 20 : 100;
    it(`gives back the memory that it takes, over ${2 * rounds} runs`, async () => {
      for (let warmup = 0; warmup < rounds / 5; warmup++) await run();
      const memory = process.memoryUsage.rss();
      for (let count = 0; count < rounds; count++) await run();
      expect(process.memoryUsage.rss() - memory).toBeLessThan(64 * 2 ** 20);
    });
  });
}

const isRequired = (id: string): boolean =>
  (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").includes(id);

const ORDINARY = CASES[0] as Case;

interface Check {
  readonly engineOf: () => Engine;
  readonly method: Method;
  readonly dtype: FloatDType;
  readonly kernels: KernelAccuracy | undefined;
  readonly quirks: Quirks;
}

/** Checks a case, or that it is refused where the device or this version of the runtime lacks the dtype. */
function checkCase(check: Check, input: Case): void {
  const { engineOf, method, dtype, kernels, quirks } = check;
  const isLacking = () => !engineOf().info.dtypes.includes(dtype);
  const expected = expectation(method, dtype, input, quirks);
  if (expected === "a non-finite gradient") {
    it(`returns non-finite values, as its formula does, for ${input.name}`, async () => {
      if (isLacking()) return await expectRefusal(check, input);
      const { gradient } = await compute(engineOf(), method.id, input, dtype);
      expect(gradient.some((value) => !Number.isFinite(value))).toBe(true);
    });
    return;
  }
  const outputs =
    expected === "an accurate gradient" ? (["gradient"] as const) : (["loss", "gradient"] as const);
  const exception = expected === "accurate" ? "" : `; expected is ${expected}`;
  it(`is within its error bounds for ${input.name}${exception}`, async () => {
    if (isLacking()) return await expectRefusal(check, input);
    const computed = await compute(engineOf(), method.id, input, dtype);
    const inputs = toInputs(dtype, input);
    const { rows, classes, loss } = input;
    const exact = oracle({ rows, classes, ...inputs, ...loss });
    const bounds = errorBounds(toTask(method.id, dtype, input), inputs, kernels);
    for (const of of outputs) {
      expect(computed[of].length).toBe(exact[of].hi.length);
      const mayBeNaN = of === "loss" && expected === "accurate or a loss of NaN";
      for (const [index, value] of computed[of].entries()) {
        if (mayBeNaN && Number.isNaN(value)) continue;
        expectNear(`${of}[${index}]`, value, exact[of].hi[index] as number, bounds[of][index] as number);
      }
    }
  });
}

function checkRefusal(check: Check, input: Case): void {
  it(`refuses ${input.name}, and says why`, async () => {
    await expectRefusal(check, input);
  });
}

async function expectRefusal({ engineOf, method, dtype }: Check, input: Case): Promise<void> {
  const task = toTask(method.id, dtype, input);
  expect(engineOf().supports(task)).toEqual({ ok: false, reason: expect.stringMatching(/\w/) });
  await expect(engineOf().prepare(task, toInputs(dtype, input))).rejects.toThrow(/\w/);
}

/** Checks that a value is within the bound of a finite expectation, or equal to a non-finite one. */
function expectNear(name: string, value: number, exact: number, bound: number): void {
  if (!Number.isFinite(exact)) expect(value, name).toBe(exact);
  else expect(Math.abs(value - exact), `${name} = ${value}`).toBeLessThanOrEqual(bound);
}

const toTask = (method: Method["id"], dtype: FloatDType, { rows, classes, loss }: Case): GradientTask => ({
  method,
  dtype,
  rows,
  classes,
  loss,
});

async function compute(
  engine: Engine,
  method: Method["id"],
  input: Case,
  dtype: FloatDType,
): Promise<GradientResult> {
  await using prepared = await engine.prepare(toTask(method, dtype, input), toInputs(dtype, input));
  await prepared.forward();
  await prepared.gradient();
  return await prepared.read();
}

function digest({ gradient: { buffer, byteOffset, byteLength } }: GradientResult): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}
