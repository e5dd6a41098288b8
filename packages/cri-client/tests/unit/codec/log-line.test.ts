import { describe, expect, it } from 'vitest';

import {
  detectLogFormat,
  logTimeMs,
  padLogTime,
  parseCriLogLine,
  parseDockerLogLine,
} from '../../../src/codec/log-line.js';

const time = '2016-10-06T00:17:09.669794202Z';
const parsed = (text: string) => {
  const record = parseCriLogLine(Buffer.from(text));
  return record && { ...record, content: Buffer.from(record.content).toString() };
};

describe(parseCriLogLine, () => {
  it.each([
    { line: `${time} stdout F a line\n`, stream: 'stdout', partial: false, content: 'a line\n' },
    { line: `${time} stderr P half a \n`, stream: 'stderr', partial: true, content: 'half a ' },
    { line: `${time} stdout P:x:y half\n`, stream: 'stdout', partial: true, content: 'half' },
    { line: `${time} stdout F:x \n`, stream: 'stdout', partial: false, content: '\n' },
    { line: `${time} stdout F cut`, stream: 'stdout', partial: false, content: 'cut' },
    { line: `${time} stdout Pad x\n`, stream: 'stdout', partial: false, content: 'x\n' },
    { line: `${time} stdout F ünïcode\n`, stream: 'stdout', partial: false, content: 'ünïcode\n' },
  ])('reads $line', ({ line, ...want }) => {
    expect(parsed(line)).toEqual({ time, ...want });
  });

  it.each([
    '',
    '\n',
    'hello world and more\n',
    `${time} stdin F x\n`,
    `${time} stdout F\n`,
    `yesterday stdout F x\n`,
    '2016-00-06T00:17:09.6Z stdout F no month\n',
    '2016-10-32T00:17:09.6Z stdout F no day\n',
    '2016-10-06T24:17:09.6Z stdout F no hour\n',
    '2016-10-06T00:17:60.6Z stdout F no second\n',
    '2016-10-06T00:17:09.6+24:00 stdout F no zone\n',
  ])('refuses %j', (line) => {
    expect(parsed(line)).toBeUndefined();
  });
});

describe(parseDockerLogLine, () => {
  it('reads an object per line', () => {
    const line = JSON.stringify({ log: 'hi\n', stream: 'stderr', time });
    const record = parseDockerLogLine(Buffer.from(`${line}\n`));
    expect(record).toMatchObject({ time, stream: 'stderr', partial: false });
    expect(Buffer.from(record?.content ?? []).toString()).toBe('hi\n');
  });

  it.each(['{', '1', 'null', '{"log":"x"}', '{"log":1,"stream":"stdout","time":"t"}'])(
    'refuses %s',
    (line) => {
      expect(parseDockerLogLine(Buffer.from(line))).toBeUndefined();
    },
  );
});

describe(detectLogFormat, () => {
  it('detects either format, or neither', () => {
    expect(detectLogFormat(Buffer.from(`${time} stdout F x\n`))).toBe(parseCriLogLine);
    const docker = JSON.stringify({ log: '', stream: 'stdout', time });
    expect(detectLogFormat(Buffer.from(docker))).toBe(parseDockerLogLine);
    expect(detectLogFormat(Buffer.from('plain text\n'))).toBeUndefined();
  });
});

describe('log times', () => {
  it.each([
    { text: '1970-01-01T00:00:01Z', ms: 1000, padded: '1970-01-01T00:00:01.000000000Z' },
    { text: '1970-01-01T00:00:00.5Z', ms: 500, padded: '1970-01-01T00:00:00.500000000Z' },
    { text: '1970-01-01T00:00:00.0005Z', ms: 0.5, padded: '1970-01-01T00:00:00.000500000Z' },
    {
      text: '1970-01-01T08:00:00.000000001+08:00',
      ms: 0.000001,
      padded: '1970-01-01T08:00:00.000000001+08:00',
    },
  ])('$text', ({ text, ms, padded }) => {
    expect(logTimeMs(text)).toBeCloseTo(ms, 9);
    expect(padLogTime(text)).toBe(padded);
  });
});
