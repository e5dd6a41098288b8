import { describe, expect, test } from 'vitest';

import { decodeSessionEnd } from '../../src/codec/channel-frame.js';

function exit(details: unknown): string {
  return JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', message: 'm', details });
}

describe('The end of a session', () => {
  test.each([
    ['null', null],
    ['causes that are an object', { causes: {} }],
    ['a cause that is null', { causes: [null] }],
    ['an exit code that is a list', { causes: [{ reason: 'ExitCode', message: [17] }] }],
    ['an exit code that is empty', { causes: [{ reason: 'ExitCode', message: '' }] }],
    ['an exit code without end', { causes: [{ reason: 'ExitCode', message: '9'.repeat(400) }] }],
  ])('is a failure with its message when details are %s', (_, details) => {
    const status = JSON.parse(exit(details)) as object;
    expect(decodeSessionEnd(exit(details))).toEqual({ kind: 'failed', detail: 'm', status });
  });

  test.each(['[]', '1', 'null', '"x"', '{'])('is the text itself when that is %s', (text) => {
    expect(decodeSessionEnd(text)).toEqual({ kind: 'failed', detail: text });
  });

  test('is an exit code when a cause has one', () => {
    const details = { causes: [{ reason: 'ExitCode', message: '17' }] };
    expect(decodeSessionEnd(exit(details))).toEqual({ kind: 'exited', exitCode: 17 });
  });
});
