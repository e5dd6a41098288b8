import { expect, it } from 'vitest';

import { needsRegisterShim } from '../../../kernel/register-shim.ts';

const cpu = (flags: string) =>
  `processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: ${flags}\nbugs\t:\n`;

it.each([
  { flags: 'fpu xsave avx2 avx512f amx_bf16 amx_tile amx_int8', needed: true },
  { flags: 'fpu xsave avx2 avx512f', needed: false },
])('a processor with `$flags` needs the shim: $needed', ({ flags, needed }) => {
  expect(needsRegisterShim(cpu(flags))).toBe(needed);
});
