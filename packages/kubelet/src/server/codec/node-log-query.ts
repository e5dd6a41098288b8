import { formatTimestamp, isRegularExpression, parseTimestamp } from '@nodeagent/base';

import { Refusal } from '../model/exchange.js';

/** The requested logs of the node. */
export interface NodeLogQuery {
  /** A path below the log directory; excludes all other fields. */
  readonly file?: string;
  /** Journal units, or programs that write a log file of their own. */
  readonly services: readonly string[];
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly tailLines?: number;
  /** A regular expression that lines must match. */
  readonly pattern?: string;
  /** 0: the current boot, −1: the one before, … */
  readonly boot?: number;
}

const MOST_SERVICES = 4;
const MOST_NAME = 256;
const MOST_LINES = 100_000;
const SERVICE = /^[a-zA-Z\-_.:0-9@]+$/;

/**
 * Parses `query` and related parameters of `kubectl get --raw
 * /api/v1/nodes/<name>/proxy/logs/?query=…`.
 *
 * @returns undefined without a query
 * @throws {Refusal} 400 for a malformed value, 406 for contradictory parameters
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_server_journal.go
 */
export function parseNodeLogQuery(query: URLSearchParams): NodeLogQuery | undefined {
  if (!query.has('query')) return undefined;
  const names = query.getAll('query').filter((name) => name.trim() !== '');
  if (names.length === 0) throw new Refusal(400, 'query: Invalid value: query cannot be empty');
  const files = names.filter((name) => /[/\\]/.test(name));
  const services = names.filter((name) => !files.includes(name));
  const options = {
    ...optional('sinceMs', readTime(query, 'sinceTime')),
    ...optional('untilMs', readTime(query, 'untilTime')),
    ...optional('tailLines', readInteger(query, 'tailLines')),
    ...optional('boot', readInteger(query, 'boot')),
    ...optional('pattern', query.get('pattern') || undefined),
  };
  const [file] = files;
  const problem =
    servicesProblem(services) ??
    filesProblem(files, services, Object.keys(options).length > 0) ??
    optionsProblem(options);
  if (problem !== undefined) throw new Refusal(406, problem);
  return { services, ...options, ...(file !== undefined && { file }) };
}

/** True if the query has options besides the choice of logs. */
export function hasOptions(query: NodeLogQuery): boolean {
  return Object.keys(query).some((key) => key !== 'file' && key !== 'services');
}

/** The arguments of `journalctl` for a query. */
export function journalArguments(query: NodeLogQuery, units: readonly string[]): readonly string[] {
  const { sinceMs, untilMs, tailLines, pattern, boot } = query;
  return [
    ...['--utc', '--no-pager', '--output=short-precise'],
    ...(sinceMs === undefined ? [] : [`--since=${journalTime(sinceMs)}`]),
    ...(untilMs === undefined ? [] : [`--until=${journalTime(untilMs)}`]),
    ...(tailLines === undefined ? [] : ['--pager-end', `--lines=${tailLines}`]),
    ...units.map((unit) => `--unit=${unit}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`, '--case-sensitive=false']),
    ...(boot === undefined ? [] : ['--boot', String(boot)]),
  ];
}

/** systemd.time(7) */
function journalTime(ms: number): string {
  return `${formatTimestamp(ms).slice(0, 19).replace('T', ' ')} UTC`;
}

function optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  const ms = parseTimestamp(text);
  if (ms === undefined) throw new Refusal(400, `${name}: Invalid value: invalid time format`);
  return ms;
}

function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text);
  throw new Refusal(400, `${name}: Invalid value: not a whole number`);
}

function servicesProblem(services: readonly string[]): string | undefined {
  if (services.length > MOST_SERVICES) {
    return `query: Too many: ${services.length}: must have at most ${MOST_SERVICES} items`;
  }
  for (const name of services) {
    if (name.length > MOST_NAME) return `query: Invalid value: length must be at most ${MOST_NAME}`;
    if (!SERVICE.test(name)) return 'query: Invalid value: input contains unsupported characters';
  }
  return undefined;
}

function filesProblem(
  files: readonly string[],
  services: readonly string[],
  withOptions: boolean,
): string | undefined {
  if (files.length === 0) return undefined;
  if (services.length > 0) return 'query: Invalid value: cannot specify a file and service';
  if (files.length > 1) return 'query: Invalid value: cannot specify more than one file';
  return withOptions ? 'query: Invalid value: cannot specify file with options' : undefined;
}

function optionsProblem({
  sinceMs,
  untilMs,
  tailLines,
  boot,
  pattern,
}: Omit<NodeLogQuery, 'services'>): string | undefined {
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs > untilMs) {
    return 'untilTime: Invalid value: must be after `sinceTime`';
  }
  if (boot !== undefined && boot > 0) return 'boot: Invalid value: must be less than 1';
  if (tailLines !== undefined && (tailLines < 0 || tailLines > MOST_LINES)) {
    return `tailLines: Invalid value: must be between 0 and ${MOST_LINES}, inclusive`;
  }
  if (pattern !== undefined && !isRegularExpression(pattern)) {
    return 'pattern: Invalid value: error parsing regexp';
  }
  return undefined;
}
