import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/apiserver/', import.meta.url);

/** Kinds of which a watch of a kube-apiserver 1.36 is recorded, as in its paths: `pods`. */
export const RECORDED_KINDS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.watch.jsonl'))
  .map((name) => name.replace('.watch.jsonl', ''));

/** The recorded lines of a watch. */
export function watchLines(kind: string): readonly string[] {
  const text = readFileSync(new URL(`${kind}.watch.jsonl`, FOLDER), 'utf8');
  return text.trim().split('\n');
}

/** The recorded objects, without bookmarks. */
export function recordedObjects(kind: string): readonly object[] {
  return watchLines(kind)
    .map((line) => JSON.parse(line) as { type: string; object: object })
    .filter(({ type }) => type !== 'BOOKMARK')
    .map(({ object }) => object);
}
