import assert from 'node:assert/strict';

import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

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

describe('Logs of a runtime', () => {
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
});
