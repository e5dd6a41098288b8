import { describe, expect, it } from 'vitest';

import { parseLogQuery } from '../../../src/server/codec/log-query.js';
import { parsePorts, parseWantedStreams } from '../../../src/server/codec/stream-query.js';
import { Refusal } from '../../../src/server/model/exchange.js';

/** The parsed value, or the status of the refusal. */
function outcome<T>(parse: (query: URLSearchParams) => T, query: string): T | number {
  try {
    return parse(new URLSearchParams(query));
  } catch (error) {
    if (error instanceof Refusal) return error.answer.status;
    throw error;
  }
}
const nothing = { follow: false, previous: false, timestamps: false };

describe(parseLogQuery, () => {
  it.each([
    ['', nothing],
    ['follow=true&timestamps=1&previous=', { follow: true, timestamps: true, previous: true }],
    ['tailLines=0', { ...nothing, tailLines: 0 }],
    ['tail=5', { ...nothing, tailLines: 5 }],
    ['tail=all', nothing],
    ['tailLines=3&tail=5', { ...nothing, tailLines: 3 }],
    ['limitBytes=1&sinceSeconds=60', { ...nothing, limitBytes: 1, sinceSeconds: 60 }],
    ['sinceTime=2026-01-01T00:00:00Z', { ...nothing, sinceTimeMs: Date.UTC(2026, 0) }],
    ['stream=All', nothing],
    ['stream=Stderr', { ...nothing, stream: 'stderr' }],
    ['tailLines=-1', 422],
    ['limitBytes=0', 422],
    ['sinceSeconds=0', 422],
    ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 422],
    ['stream=both', 422],
    ['stream=Stdout&tailLines=1', 422],
    ['follow=perhaps', 400],
    ['tailLines=many', 400],
    ['tailLines=9999999999999999999', 400],
    ['sinceTime=yesterday', 400],
  ])('%s', (query, want) => {
    expect(outcome(parseLogQuery, query)).toEqual(want);
  });
});

describe(parseWantedStreams, () => {
  const none = { stdin: false, stdout: false, stderr: false, tty: false };
  it.each([
    ['output=1', { ...none, stdout: true }],
    ['input=1&output=1&error=1', { ...none, stdin: true, stdout: true, stderr: true }],
    ['output=1&error=1&tty=1', { ...none, stdout: true, tty: true }],
    ['output=true', 400],
    ['error=1&tty=1', 400],
    ['', 400],
  ])('%s', (query, want) => {
    expect(outcome((one) => parseWantedStreams(one), query)).toEqual(want);
  });

  it('lets the container’s tty override the query', () => {
    const query = new URLSearchParams('output=1&error=1&tty=1');
    expect(parseWantedStreams(query, false)).toEqual({ ...none, stdout: true, stderr: true });
  });
});

describe(parsePorts, () => {
  it.each([
    ['', []],
    ['port=80', [80]],
    ['port=80,81&port=443', [80, 81, 443]],
    ['port=0', 400],
    ['port=65536', 400],
    ['port=http', 400],
    ['port=', 400],
  ])('%s', (query, want) => {
    expect(outcome(parsePorts, query)).toEqual(want);
  });
});
