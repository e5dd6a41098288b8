import { readFileSync } from 'node:fs';

const PODS = new URL(
  '../../../kube-client/tests/fixtures/apiserver/pods.watch.jsonl',
  import.meta.url,
);

/** Pods as a kube-apiserver 1.36 sent them. */
export function recordedPods(): readonly object[] {
  return readFileSync(PODS, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: object })
    .filter(({ type }) => type !== 'BOOKMARK')
    .map(({ object }) => object);
}

/** JSON, or nested lists where a value is too deep for `JSON.stringify`. */
export function text(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return `{"apiVersion":"v1","kind":"Pod","spec":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}

/** Every number in a value. */
export function numbersOf(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}
