import { describe, expect, it } from 'vitest';

import { formatTimestamp, parseTimestamp } from '../../src/model/timestamp.js';

describe(formatTimestamp, () => {
  it('agrees with the calendar of the language over four centuries', () => {
    const stepMs = 86_400_000 * 13 + 12_345_678;
    for (let ms = Date.UTC(1900, 0, 1); ms < Date.UTC(2301, 0, 1); ms += stepMs) {
      expect(formatTimestamp(ms, 3)).toBe(new Date(ms).toISOString());
    }
  });

  it.each([
    [0, 0, '1970-01-01T00:00:00Z'],
    [1_767_225_599_999, 0, '2025-12-31T23:59:59Z'],
    [1_767_225_599_250, 6, '2025-12-31T23:59:59.250000Z'],
    [Date.UTC(2024, 1, 29), 0, '2024-02-29T00:00:00Z'],
  ])('%d with %d digits is %s', (ms, digits, text) => {
    expect(formatTimestamp(ms, digits)).toBe(text);
  });
});

describe(parseTimestamp, () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-03-01T10:20:30.5Z', Date.UTC(2026, 2, 1, 10, 20, 30, 500)],
    ['2026-03-01T10:20:30+02:00', Date.UTC(2026, 2, 1, 8, 20, 30)],
    ['2026-03-01T10:20:30-00:30', Date.UTC(2026, 2, 1, 10, 50, 30)],
    ['2023-02-29T00:00:00Z', undefined],
    ['2023-13-01T00:00:00Z', undefined],
    ['2023-01-01T24:00:00Z', undefined],
    ['2023-01-01', undefined],
    ['', undefined],
  ])('%s', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });
});
