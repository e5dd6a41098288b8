import assert from 'node:assert/strict';

import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { decodeSessionEnd } from '../../src/codec/channel-frame.js';
import {
  detectLogFormat,
  logTimeMs,
  padLogTime,
  parseCriLogLine,
  parseDockerLogLine,
} from '../../src/codec/log-line.js';

const LINES = [
  '2016-10-06T00:17:09.669794202Z stdout F log content\n',
  '2016-10-06T00:17:09.669794203+01:00 stderr P:x partial ü\n',
  '{"log":"text\\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}\n',
];

const EXIT = {
  metadata: {},
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: 'command terminated with non-zero exit code',
  details: { causes: [{ reason: 'ExitCode', message: '17' }] },
  code: 500,
};

describe('Logs and sessions of a runtime', () => {
  test('every log line is a record or has another format', () =>
    checkReader({
      name: 'parseCriLogLine, parseDockerLogLine',
      inputs: oneOf(
        mutatedBytes(LINES.map((line) => Buffer.from(line))),
        mapped(mutatedTexts(LINES), (text) => Buffer.from(text)),
      ),
      read: (line) => {
        detectLogFormat(line);
        for (const parse of [parseCriLogLine, parseDockerLogLine]) {
          const record = parse(line);
          if (record === undefined) continue;
          assert.equal(typeof padLogTime(record.time), 'string');
          const timeMs = logTimeMs(record.time);
          assert.ok(!Number.isNaN(timeMs), `time ${record.time}`);
          assert.ok(record.content.length <= 2 * line.length + 8);
        }
      },
      share: 2500,
    }));

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
});

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"details":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}
