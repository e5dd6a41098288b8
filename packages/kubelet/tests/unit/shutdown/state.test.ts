import { describe, expect, it } from 'vitest';

import { parseState, renderState } from '../../../src/shutdown/codec/state.js';

const startMs = Date.UTC(2026, 0, 1);

describe(parseState, () => {
  it('reads what was written, with Go’s zero time for what has not been yet', () => {
    const text = renderState({ startMs, endMs: undefined });
    expect(text).toBe('{"startTime":"2026-01-01T00:00:00.000Z","endTime":"0001-01-01T00:00:00Z"}');
    expect(parseState(text)).toEqual({ startMs, endMs: undefined });
  });

  it('reads the times of the Go kubelet', () => {
    const text =
      '{"startTime":"2026-01-01T01:00:00.123456789+01:00","endTime":"0001-01-01T00:00:00Z"}';
    expect(parseState(text)).toEqual({ startMs: startMs + 123, endMs: undefined });
  });

  it.each(['', '{"startT', 'null', '[]', '{"startTime":7,"endTime":"soon"}'])(
    'takes %j for nothing',
    (text) => {
      expect(parseState(text)).toEqual({ startMs: undefined, endMs: undefined });
    },
  );
});
