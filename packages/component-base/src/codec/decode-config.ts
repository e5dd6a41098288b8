import { isDeeperThan } from '@nodeagent/base';
import { type Document, isScalar, LineCounter, parseDocument, Parser, visit } from 'yaml';
import type { core } from 'zod';
import { safeParse } from 'zod/v4/core';

import { ConfigError, type Problem } from '../model/errors.js';
import { isPlainObject, type PlainObject } from './flags-to-config.js';

/** The `apiVersion` and `kind` that a configuration file must have. */
export interface ConfigKind {
  /** Accepted API versions; the first is the recommended one. */
  readonly apiVersions: readonly string[];
  readonly kind: string;
}

/** A configuration before its schema has been applied. */
export interface LooseConfig {
  readonly value: PlainObject;
  /** Warnings for duplicate keys, which Kubernetes' decoders accept with a notice. */
  readonly warnings: readonly string[];
}

/**
 * Reads the envelope of a component's configuration file in YAML or JSON: one document with the
 * expected apiVersion and kind.
 *
 * @param source the file's name, for messages
 * @throws {ConfigError} `CONFIG_INVALID`
 */
export function parseConfigFile(text: string, source: string, wanted: ConfigKind): LooseConfig {
  const fail = (problems: readonly Problem[]): never => {
    throw new ConfigError('CONFIG_INVALID', { source, problems });
  };
  if (text.trim() === '') fail([{ field: '', message: 'the file is empty' }]);
  if (isDeepYaml(text)) {
    fail([{ field: '', message: `must not be nested more than ${MOST_LEVELS} levels deep` }]);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: false, strict: true, lineCounter });
  if (document.errors.length > 0) {
    fail(document.errors.map((error) => ({ field: '', message: firstLine(error.message) })));
  }
  const value = valueOf(document, (message) => fail([{ field: '', message }]));
  if (!isPlainObject(value))
    return fail([{ field: '', message: 'must hold one YAML or JSON object' }]);
  const problems: Problem[] = [];
  if (!wanted.apiVersions.some((version) => version === value['apiVersion'])) {
    problems.push(expected('apiVersion', wanted.apiVersions.join(' or '), value['apiVersion']));
  }
  if (value['kind'] !== wanted.kind) problems.push(expected('kind', wanted.kind, value['kind']));
  if (problems.length > 0) fail(problems);
  const warnings = duplicateKeys(document).map((offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${source}: Map keys must be unique at line ${line}, column ${col}`;
  });
  return { value, warnings };
}

/**
 * Finds the positions of duplicate keys. Linear, unlike the library's own check, which compares
 * each key with all keys before it.
 */
function duplicateKeys(document: Document.Parsed): readonly number[] {
  const found: number[] = [];
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) found.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** The library refuses aliases of aliases before they fill the memory. */
function valueOf(document: { toJS(): unknown }, fail: (message: string) => never): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return fail(firstLine((error as Error).message));
  }
}

/**
 * Far more levels than any real configuration has. The YAML library recurses: on some releases of
 * Node.js a few thousand levels end the process with an error that cannot be caught.
 */
const MOST_LEVELS = 100;
/** Levels that one syntax token adds: its list of items, an item, the item's value. */
const STEPS_PER_LEVEL = 3;

function isDeepYaml(text: string): boolean {
  return isDeeperThan([...new Parser().parse(text)], MOST_LEVELS * STEPS_PER_LEVEL);
}

function expected(field: string, wanted: string, found: unknown): Problem {
  const shown = found === undefined ? 'nothing' : JSON.stringify(found);
  return { field, message: `must be ${wanted}, found ${shown}` };
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? text).replace(/:$/, '');
}

/** A configuration that fits its schema. */
export interface CheckedConfig<T> {
  readonly config: T;
  /** Returns one line per field that the schema does not know. */
  readonly warnings: readonly string[];
}

/**
 * Checks a value against a schema of strict objects. Unknown fields are dropped with a warning, as
 * Kubernetes' lenient decoding does; all other problems are reported together.
 *
 * @throws {ConfigError} `CONFIG_INVALID`
 */
export function checkConfig<Schema extends core.$ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
): CheckedConfig<core.output<Schema>> {
  const first = safeParse(schema, value);
  if (first.success) return { config: first.data, warnings: [] };
  const unknown = unknownFields(first.error.issues);
  if (unknown.length === 0) throw invalid(source, first.error.issues);
  const warnings = unknown.map(
    (path) => `${source}: unknown field ${JSON.stringify(dotted(path))}`,
  );
  const known = without(value, unknown);
  const second = safeParse(schema, known);
  if (second.success) return { config: second.data, warnings };
  throw invalid(source, second.error.issues);
}

type Path = readonly PropertyKey[];

function unknownFields(issues: readonly core.$ZodIssue[]): readonly Path[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
  );
}

/** Drops all fields in one copy: one copy per field would be quadratic. */
function without(value: unknown, paths: readonly Path[]): unknown {
  const inside = new Map<PropertyKey, Path[]>();
  for (const [head, ...rest] of paths) {
    if (head === undefined) continue;
    const below = inside.get(head) ?? [];
    inside.set(head, below);
    below.push(rest);
  }
  const isLast = (below: readonly Path[]): boolean => below.some((path) => path.length === 0);
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => {
      const below = inside.get(index);
      return below === undefined ? item : without(item, below);
    });
  }
  if (!isPlainObject(value)) return value;
  const copy: Record<PropertyKey, unknown> = { ...value };
  for (const [key, below] of inside) {
    if (isLast(below)) Reflect.deleteProperty(copy, key);
    else copy[key] = without(copy[key], below);
  }
  return copy;
}

function invalid(source: string, issues: readonly core.$ZodIssue[]): ConfigError {
  const problems = issues.map((issue) => ({ field: dotted(issue.path), message: issue.message }));
  return new ConfigError('CONFIG_INVALID', { source, problems });
}

function dotted(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
