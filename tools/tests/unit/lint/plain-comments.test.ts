import * as parser from '@typescript-eslint/parser';
import { Linter } from 'eslint';
import { describe, expect, it } from 'vitest';

import { plainComments } from '../../../lint/plain-comments.ts';

function findings(text: string): readonly string[] {
  const messages = new Linter().verify(
    text,
    {
      files: ['**/*.ts'],
      languageOptions: { parser },
      plugins: { house: { rules: { 'plain-comments': plainComments } } },
      rules: { 'house/plain-comments': 'error' },
    },
    { filename: 'a.ts' },
  );
  return messages.map(({ message }) => /"(.*?) …"/.exec(message)?.[1] ?? message);
}

const REFUSED = [
  ['/** What a pod asks for. */', 'What a pod asks'],
  ['/** Whether the pod runs. */', 'Whether the pod runs.'],
  ['// Who asked', 'Who asked'],
  ['const a = 1; // Of workers only that', 'Of workers only that'],
  ['/** Reads a pod. Whose it is does not matter. */', 'Whose it is does'],
  ['/**\n * Reads a pod.\n *\n * Of two, the first counts.\n */', 'Of two, the first'],
  ['/**\n * Rules:\n * - Whether it runs\n */', 'Whether it runs'],
  ['// Reads a pod.\n// What is left stays.', 'What is left stays.'],
] as const;

const ALLOWED = [
  '/** Reports whether the pod runs. */',
  '/** @returns whether the pod runs */',
  '/** Returns the owner. Who is it? The kubelet. */',
  '// The kubelet reads the first\n// Of all pods.',
  '/** Where no pod runs, nothing is written. */',
  '/** Whatever the pod asks for. */',
  "const title = 'What a pod asks for.';",
];

describe('house/plain-comments', () => {
  it.each(REFUSED)('refuses %j', (text, start) => {
    expect(findings(`${text}\nexport const one = 1;\n`)).toEqual([start]);
  });

  it.each(ALLOWED)('allows %j', (text) => {
    expect(findings(`${text}\nexport const one = 1;\n`)).toEqual([]);
  });
});
