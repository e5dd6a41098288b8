import assert from 'node:assert/strict';

import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { test } from 'vitest';

import { decodeSessionEnd } from '../../src/codec/channel-frame.js';

const EXIT = {
  metadata: {},
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: 'command terminated with non-zero exit code',
  details: { causes: [{ reason: 'ExitCode', message: '17' }] },
  code: 500,
};

test('every session ends with an exit code or a text', () =>
  checkReader({
    name: 'decodeSessionEnd',
    inputs: oneOf(
      mapped(mutatedTrees([EXIT]), text),
      mutatedTexts([JSON.stringify(EXIT), '{"metadata":{},"status":"Success"}']),
    ),
    read: (json) => {
      const end = decodeSessionEnd(json);
      if (end.kind === 'exited') assert.ok(Number.isSafeInteger(end.exitCode), `${end.exitCode}`);
      else assert.equal(typeof end.detail, 'string');
    },
  }));

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"details":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}
