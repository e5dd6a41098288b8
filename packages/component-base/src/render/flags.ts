import type { FlagValue, ParsedFlags } from '../model/flag.js';

/**
 * Returns flag values as they would stand on the command line, by name without dashes.
 *
 * @param secrets names of flags whose values are hidden
 */
export function shownFlags(
  { given }: ParsedFlags,
  secrets: readonly string[] = [],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...given].map(([name, value]) => [
      name,
      secrets.includes(name) ? 'CLASSIFIED' : flagText(value),
    ]),
  );
}

/** Returns a flag's value as it would stand on the command line; empty for one not given. */
export function flagText(value: FlagValue | undefined): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${one}`)
    .join(',');
}
