import { ConfigError, type Problem } from '../model/errors.js';
import type { FlagSpec, ParsedFlags } from '../model/flag.js';

/** An object of JSON or YAML whose fields have not been checked. */
export type PlainObject = Readonly<Record<string, unknown>>;

/**
 * Converts the given flags to a partial configuration in the file's own shape, ready to be merged
 * over the file.
 *
 * @throws {ConfigError} `FLAG_INVALID` with all problems that `convert` reported
 */
export function flagsToConfig(table: readonly FlagSpec[], { given }: ParsedFlags): PlainObject {
  const problems: Problem[] = [];
  const config: Record<string, unknown> = {};
  for (const { name, path, convert } of table) {
    const value = given.get(name);
    if (value === undefined || path === undefined) continue;
    try {
      setAt(config, path.split('.'), convert === undefined ? value : convert(value));
    } catch (error) {
      problems.push({ field: `--${name}`, message: (error as Error).message });
    }
  }
  if (problems.length > 0)
    throw new ConfigError('FLAG_INVALID', { source: 'command line', problems });
  return config;
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = isPlainObject(target[head]) ? { ...target[head] } : {};
  setAt(inner, rest, value);
  target[head] = inner;
}

/**
 * Merges as RFC 7386 says: objects merge, `null` deletes, everything else replaces. Neither
 * argument is changed.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const result: Record<string, unknown> = isPlainObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** True for objects of JSON and YAML: neither null nor a list. */
export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
