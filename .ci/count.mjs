// Prints "PASSED FAILED" for a vitest JSON report. The report alone misleads: a throwing beforeAll leaves its tests skipped,
// an unhandled error leaves no trace, so whatever is not a pass counts as failed, and so does an exit code without a cause.
import { readFileSync } from 'node:fs';

const [, , file, exitCode] = process.argv;
console.log(count().join(' '));

function count() {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [0, 1];
  }
  const tests = report.testResults.flatMap((suite) => suite.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const suitesFailedAlone = report.testResults.filter((suite) => suite.status !== 'passed' && suite.assertionResults.every((test) => test.status === 'passed')).length;
  let failed = tests.length - passed + suitesFailedAlone;
  if (failed === 0 && (exitCode !== '0' || passed === 0)) failed = 1;
  return [passed, failed];
}
