import { RE2JS } from 're2js';

import { CelList, EvaluationError } from '../../../model/cel/value.js';
import { count, text } from '../arguments.js';
import type { Library } from '../signature.js';

const MOST_COMPILED = 1_000;
const compiled = new Map<string, RE2JS>();

/** Patterns are Go's, and matching takes linear time. @throws {EvaluationError} */
export function compilePattern(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  try {
    const made = RE2JS.compile(pattern);
    if (compiled.size >= MOST_COMPILED) compiled.clear();
    compiled.set(pattern, made);
    return made;
  } catch (error) {
    if (!(error instanceof Error && error.name.startsWith('RE2JS'))) throw error;
    throw new EvaluationError(error.message);
  }
}

function findAll(value: string, pattern: string, limit: number): CelList {
  const matcher = compilePattern(pattern).matcher(value);
  const found: string[] = [];
  while ((limit < 0 || found.length < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return new CelList(found);
}

function matches(value: string, pattern: string): boolean {
  return compilePattern(pattern).matcher(value).find();
}

export const REGEX: Library = [
  ['matches', 'string.(string) bool', (a, b) => matches(text(a), text(b))],
  ['matches', '(string, string) bool', (a, b) => matches(text(a), text(b))],
  ['find', 'string.(string) string', (a, b) => findAll(text(a), text(b), 1).items[0] ?? ''],
  ['findAll', 'string.(string) list<string>', (a, b) => findAll(text(a), text(b), -1)],
  [
    'findAll',
    'string.(string, int) list<string>',
    (a, b, c) => findAll(text(a), text(b), count(c)),
  ],
];
