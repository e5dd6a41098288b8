import { describe, expect, it } from 'vitest';

import { parsePathSegment, pathSegmentProblem, toPathSegment } from '../../src/index.js';

describe(parsePathSegment, () => {
  it.each(['a', '...', '.hidden', 'ä'.repeat(127), 'x'.repeat(255), 'with blank'])(
    'accepts %j unchanged',
    (text) => expect(parsePathSegment(text)).toBe(text),
  );

  it.each([
    ['', 'must not be empty'],
    ['.', "must not be '.'"],
    ['..', "must not be '..'"],
    ['a/b', "must not contain '/'"],
    ['/', "must not contain '/'"],
    ['a\0', 'must not contain a NUL'],
    ['x'.repeat(256), 'must be no more than 255 bytes'],
    ['ä'.repeat(128), 'must be no more than 255 bytes'],
  ])('refuses %j: %s', (text, problem) => {
    expect(parsePathSegment(text)).toBeUndefined();
    expect(pathSegmentProblem(text)).toBe(problem);
    expect(() => toPathSegment(text, 'volume name')).toThrow(`volume name`);
  });
});
