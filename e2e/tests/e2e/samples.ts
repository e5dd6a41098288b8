import { expect } from 'vitest';

/** One line of a page of metrics. */
export interface Sample {
  readonly value: number;
  readonly atMs: number | undefined;
}

/** Returns every sample whose labels include these. */
export function samples(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, found, all = '', value, atMs] =
      /^([a-z_]+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(line) ?? [];
    const isWanted =
      found === name &&
      Object.entries(labels).every(([label, text]) => `,${all}`.includes(`,${label}="${text}"`));
    return isWanted
      ? [{ value: Number(value), atMs: atMs === undefined ? undefined : Number(atMs) }]
      : [];
  });
}

export function only(found: readonly Sample[]): Sample {
  expect(found).toHaveLength(1);
  return found[0]!;
}
