// Sums the test reports of all packages and the cells of the smoke run, and names the steps that failed; the last line is
// "N passed, N failed".
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [smoke, ...failedSteps] = process.argv.slice(2);
const required = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",");
let [passed, failed] = [0, 0];

/**
 * How many tests were skipped for a reason: `pnpm test:nightly` runs them, or they need a backend that this machine need not
 * have, which is said. The rest counts as failed.
 */
function skippedWithReason({ testResults }) {
  const skipped = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== "passed" && status !== "failed");
  const nightly = skipped.filter(({ tags }) => tags.includes("nightly"));
  const unavailable = skipped.filter(
    (test) => !nightly.includes(test) && / is unavailable: /.test(test.title),
  );
  for (const { title } of unavailable) console.log(`skipped: ${title}`);
  return { nightly: nightly.length, unavailable: unavailable.length };
}

/** Which tests failed, where the end of the output shows it. */
function nameFailed(folder, { testResults }) {
  for (const { assertionResults, message, name } of testResults) {
    const tests = assertionResults.filter(({ status }) => status === "failed");
    for (const { fullName, failureMessages } of tests) {
      console.log(`failed: ${folder}: ${fullName}: ${failureMessages.join(" ").split("\n")[0]}`);
    }
    if (message && tests.length === 0) console.log(`failed: ${folder}: ${name}: ${message.split("\n")[0]}`);
  }
}

for (const group of ["packages", "apps"]) {
  for (const name of readdirSync(group)) {
    const folder = join(group, name);
    const manifest = join(folder, "package.json");
    if (!existsSync(manifest)) continue;
    if (!("test" in (JSON.parse(readFileSync(manifest, "utf8")).scripts ?? {}))) {
      console.log(`${folder}: no tests of its own`);
      continue;
    }
    const report = join(folder, "reports", "vitest.json");
    if (!existsSync(report)) {
      console.log(`${folder}: no test report`);
      failed++;
      continue;
    }
    const results = JSON.parse(readFileSync(report, "utf8"));
    const { numPassedTests, numTotalTests, numFailedTestSuites, success } = results;
    const { nightly, unavailable } = skippedWithReason(results);
    const due = numTotalTests - nightly;
    const notPassed = due - numPassedTests - unavailable;
    nameFailed(folder, results);
    console.log(`${folder}: ${numPassedTests} of ${due} tests passed, ${nightly} left to pnpm test:nightly`);
    passed += numPassedTests;
    failed += notPassed || (success ? 0 : Math.max(1, numFailedTestSuites));
  }
}

const runs = existsSync(smoke) ? readdirSync(smoke) : [];
const results = runs.map((run) => JSON.parse(readFileSync(join(smoke, run, "results.json"), "utf8")));
const cells = results.flatMap((result) => result.cells);
const ok = cells.filter(({ status }) => status === "ok").length;
const broken = cells.filter(({ status }) => !["ok", "unsupported"].includes(status)).length;
console.log(`smoke benchmark: ${ok} cells measured, ${broken} broken, of ${cells.length}`);
for (const backend of results.flatMap((result) => result.backends)) {
  if (backend.status !== "available") {
    const needed = required.includes(backend.id);
    console.log(`${backend.id} is unavailable${needed ? ", and required" : ""}: ${backend.reason}`);
    if (needed) failed++;
  }
}
passed += ok;
failed += broken + (ok === 0 ? 1 : 0);

// A step can fail without a failed test: lint, for example.
for (const step of failedSteps) console.log(`failed step: ${step}`);
failed = Math.max(failed, failedSteps.length);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
