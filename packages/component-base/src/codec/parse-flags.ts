import { parseArgs } from 'node:util';

import { parseGoDuration } from '@nodeagent/base';

import { ConfigError, type Problem } from '../model/errors.js';
import type { FlagSpec, FlagValue, ParsedFlags } from '../model/flag.js';

/**
 * Parses a command line the way Go's pflag does: `--name value`, `--name=value`, `--flag`,
 * `--flag=false`, `-v 4`, `-v=4`. `_` counts as `-` in names; the last of repeated scalars wins.
 *
 * @param argv without the program's own name
 * @throws {ConfigError} `FLAG_INVALID` with every problem of the command line
 * @example
 * ```ts
 * import { flagsToConfig, parseFlags } from '@nodeagent/component-base';
 *
 * const table = [{ name: 'port', kind: 'integer', help: 'to listen on', path: 'server.port' }] as const;
 * const flags = parseFlags(table, ['--port=8080']);
 * console.log(JSON.stringify(flagsToConfig(table, flags))); // {"server":{"port":8080}}
 * ```
 */
export function parseFlags(table: readonly FlagSpec[], argv: readonly string[]): ParsedFlags {
  const byName = new Map(table.map((spec) => [spec.name, spec]));
  const problems: Problem[] = [];
  const given = new Map<string, FlagValue>();
  const warnings = new Set<string>();
  for (const { spec, name, text } of readTokens(table, argv, problems)) {
    const known = spec ?? byName.get(name);
    if (known === undefined) {
      problems.push({ field: '', message: `unknown flag: --${name}` });
      continue;
    }
    try {
      given.set(known.name, readValue(known, text, given.get(known.name)));
    } catch (error) {
      problems.push({ field: `--${known.name}`, message: (error as Error).message });
      continue;
    }
    if (known.deprecated !== undefined) {
      warnings.add(`Flag --${known.name} has been deprecated, ${known.deprecated}`);
    }
    if (known.ignored !== undefined) {
      warnings.add(`Flag --${known.name} has no effect: ${known.ignored}`);
    }
  }
  if (problems.length > 0)
    throw new ConfigError('FLAG_INVALID', { source: 'command line', problems });
  return { given, warnings: [...warnings] };
}

interface Token {
  readonly spec: FlagSpec | undefined;
  readonly name: string;
  readonly text: string | undefined;
}

function readTokens(
  table: readonly FlagSpec[],
  argv: readonly string[],
  problems: Problem[],
): readonly Token[] {
  const options = Object.fromEntries(
    table.map(({ name, kind, short }) => [
      name,
      {
        type: kind === 'boolean' ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
        multiple: true,
      },
    ]),
  );
  const { tokens } = parseArgs({
    args: argv.map(normalizedName),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const byName = new Map(table.map((spec) => [spec.name, spec]));
  return tokens.flatMap((token): Token[] => {
    if (token.kind === 'positional' && token.value !== '') {
      problems.push({ field: '', message: `unknown command ${JSON.stringify(token.value)}` });
    }
    if (token.kind !== 'option') return [];
    const spec = byName.get(token.name);
    // parseArgs reports `-v=4` as the value `=4`
    const isShort = !token.rawName.startsWith('--');
    const text =
      isShort && token.value?.startsWith('=') === true ? token.value.slice(1) : token.value;
    return [{ spec, name: token.name, text }];
  });
}

/** Replaces underscores by dashes in the flag's name, not in its value. */
function normalizedName(arg: string): string {
  const found = /^--([^=]*)(=.*)?$/s.exec(arg);
  if (found === null) return arg;
  return `--${(found[1] ?? '').replaceAll('_', '-')}${found[2] ?? ''}`;
}

/** @throws {Error} with the reason as its message */
function readValue(
  spec: FlagSpec,
  text: string | undefined,
  earlier: FlagValue | undefined,
): FlagValue {
  if (text === undefined) {
    if (spec.kind === 'boolean') return true;
    throw new Error('needs an argument');
  }
  switch (spec.kind) {
    case 'string':
      return text;
    case 'boolean':
      return BOOLEANS.get(text) ?? refuse(text, 'true or false');
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? Number(text) : refuse(text, 'a whole number');
    case 'number':
      if (text.trim() === '' || !Number.isFinite(Number(text))) return refuse(text, 'a number');
      return Number(text);
    case 'duration':
      return parseGoDuration(text) === undefined ? refuse(text, 'a duration such as 1m30s') : text;
    case 'list':
      return [...(isList(earlier) ? earlier : []), ...splitList(text)];
    case 'map':
      return { ...(isMap(earlier) ? earlier : {}), ...readMap(text) };
  }
}

/** The boolean words of Go's strconv.ParseBool. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

function refuse(text: string, wanted: string): never {
  throw new Error(`${JSON.stringify(text)} is not ${wanted}`);
}

function splitList(text: string): readonly string[] {
  return text === '' ? [] : text.split(',');
}

function isList(value: FlagValue | undefined): value is readonly string[] {
  return Array.isArray(value);
}

function isMap(value: FlagValue | undefined): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && !Array.isArray(value);
}

function readMap(text: string): Readonly<Record<string, string>> {
  const entries = splitList(text).map((part): readonly [string, string] => {
    const at = part.indexOf('=');
    if (at < 0) return refuse(text, 'a list of key=value pairs');
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });
  return Object.fromEntries(entries);
}
