import { describe, expect, it } from 'vitest';

import { codedError, errorGuard } from '../../src/index.js';

type TeaErrorCode = 'TEA_COLD' | 'TEA_GONE';

/** As each copy of a package would have it. */
function load() {
  class TeaError extends codedError<TeaErrorCode>('TeaError') {
    readonly cup: number;

    constructor(
      code: TeaErrorCode,
      message: string,
      { cup, ...options }: { cup: number } & ErrorOptions,
    ) {
      super(code, message, options);
      this.cup = cup;
    }
  }
  return { TeaError, isTeaError: errorGuard(TeaError) };
}

const { TeaError, isTeaError } = load();

describe(codedError, () => {
  it('makes a class whose errors say what they are', () => {
    const cause = new Error('no fire');
    const error = new TeaError('TEA_COLD', 'the tea is cold', { cup: 2, cause });
    expect(error).toBeInstanceOf(TeaError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'TeaError', code: 'TEA_COLD', cup: 2, cause });
    expect(String(error)).toBe('TeaError: the tea is cold');
    expect(error.stack).toContain('coded-error.test');
  });
});

describe(errorGuard, () => {
  const cold = new TeaError('TEA_COLD', 'cold', { cup: 1 });

  it.each([
    [[], true],
    [['TEA_COLD'], true],
    [['TEA_GONE', 'TEA_COLD'], true],
    [['TEA_GONE'], false],
  ] as const)('asked for the codes %j it answers %j', (codes, want) => {
    expect(isTeaError(cold, ...codes)).toBe(want);
  });

  it('knows errors of another copy of the class', () => {
    const other = new (load().TeaError)('TEA_GONE', 'gone', { cup: 1 });
    expect(other).not.toBeInstanceOf(TeaError);
    expect(isTeaError(other, 'TEA_GONE')).toBe(true);
  });

  it.each([undefined, 'TEA_COLD', new Error('TEA_COLD'), { name: 'TeaError', code: 'TEA_COLD' }])(
    'is not taken in by %o',
    (value) => expect(isTeaError(value)).toBe(false),
  );
});
