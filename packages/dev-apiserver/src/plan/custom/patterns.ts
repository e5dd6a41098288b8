import { RE2JS } from 're2js';

/** Compiled patterns of schemas; a schema's own patterns are compiled once. */
const compiled = new Map<string, RE2JS | undefined>();
const MOST_COMPILED = 1_000;

/** Patterns are Go's, and matching takes linear time. */
function compile(pattern: string): RE2JS | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  const made = tryCompile(pattern);
  compiled.set(pattern, made);
  return made;
}

function tryCompile(pattern: string): RE2JS | undefined {
  return patternProblem(pattern) === undefined ? RE2JS.compile(pattern) : undefined;
}

/** Returns why a text is no pattern, in the words of Go's `regexp`; undefined for a pattern. */
export function patternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name.startsWith('RE2JS')) return error.message;
    throw error;
  }
}

/** True when a part of the text matches. */
export function matchesPattern(pattern: string, text: string): boolean {
  return compile(pattern)?.matcher(text).find() === true;
}
