import { expect, it } from 'vitest';

import { add, readReport, summaryLine } from '../../test/reports.ts';

const file = (name: string, status: string, tests: readonly string[]) => ({
  name,
  status,
  message: status === 'failed' ? 'SyntaxError: nope\n at x' : '',
  assertionResults: tests.map((verdict, index) => ({
    fullName: `${name} ${index}`,
    status: verdict,
    failureMessages: verdict === 'failed' ? ['expected 1\n to be 2'] : [],
  })),
});

const report = JSON.stringify({
  numPassedTests: 2,
  numFailedTests: 1,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [
    file('a', 'failed', ['passed', 'failed']),
    file('b', 'passed', ['passed', 'pending', 'todo']),
    file('c', 'failed', []),
  ],
});

it('counts a file that could not be loaded as a failure', () => {
  expect(readReport(report)).toEqual({
    passed: 2,
    failed: 2,
    skipped: 2,
    failures: ['a › a 1: expected 1', 'c: SyntaxError: nope'],
  });
});

it('adds up to one line', () => {
  const tally = readReport(report);
  expect(summaryLine(add(tally, tally))).toBe('4 passed, 4 failed, 4 skipped');
});
