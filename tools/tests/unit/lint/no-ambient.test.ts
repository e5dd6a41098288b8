import * as parser from '@typescript-eslint/parser';
import { Linter } from 'eslint';
import { describe, expect, it } from 'vitest';

import { noAmbient } from '../../../lint/no-ambient.ts';

/** Returns the number of findings for a text in a file of `packages/agent/src`. */
function findings(file: string, text: string): readonly string[] {
  const messages = new Linter({ cwd: '/repo' }).verify(
    text,
    {
      files: ['**/*.ts'],
      languageOptions: { parser },
      plugins: { house: { rules: { 'no-ambient': noAmbient } } },
      rules: { 'house/no-ambient': 'error' },
    },
    { filename: `/repo/packages/agent/src/${file}` },
  );
  return messages.map(({ message }) => message);
}

const REFUSED = [
  'Date.now()',
  'Date()',
  'new Date()',
  'new Date(...[])',
  "Date['now']()",
  'const D = Date; D.now()',
  'const { now } = Date',
  '[Date].map((D) => new D())',
  'globalThis.Date.now()',
  'performance.now()',
  'globalThis.performance.now()',
  'const { performance: p } = globalThis',
  'Math.random()',
  "Math['random']()",
  'const { random } = Math',
  'const M = Math',
  'crypto.randomUUID()',
  'crypto.getRandomValues(bytes())',
  'globalThis.crypto.randomUUID()',
  'process.env',
  'globalThis.process',
  "globalThis['process']",
  'global.process',
  'console.log(1)',
  'fetch("http://a")',
  'setTimeout(() => 1)',
  'setImmediate(() => 1)',
  'queueMicrotask(() => 1)',
  'AbortSignal.timeout(5)',
  'new WebSocket("ws://a")',
  'new Function("return 1")()',
  'eval("1")',
  'Temporal.Now.instant()',
  'require("node:fs")',
];

const ALLOWED = [
  'new Date(5)',
  'Date.parse("2020")',
  'Date.UTC(2020, 1)',
  'const is = (x: unknown) => x instanceof Date',
  'let at: Date | undefined',
  'Math.max(1, 2)',
  'const f = (process: number) => process + 1',
  'const performance = { now: () => 1 }; performance.now()',
  'let clock: typeof performance | undefined',
  'const x = { process: 1, fetch: 2 }; x.process',
  'AbortSignal.any([])',
  'new Map([[1, 2]])',
];

describe('house/no-ambient', () => {
  const text = (code: string) =>
    code.includes('bytes()') ? `const bytes = () => 1; ${code}` : code;

  it.each(REFUSED)('refuses %s in pure folders and in run/', (code) => {
    expect(findings('plan/x.ts', text(code))).toHaveLength(1);
    expect(findings('pods/run/x.ts', text(code))).toHaveLength(1);
  });

  it.each(ALLOWED)('allows %s', (code) => {
    expect(findings('model/x.ts', code)).toEqual([]);
  });

  it('allows them in adapters and programs', () => {
    expect(findings('adapters/x.ts', 'Date.now()')).toEqual([]);
    expect(findings('main.ts', 'Date.now()')).toEqual([]);
  });
});
