import { parseTimestamp } from '@nodeagent/base';

import { json, Refusal } from '../model/exchange.js';

/** PodLogOptions, as the query of a request contains them. */
export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  readonly sinceTimeMs?: number;
  readonly stream?: 'stdout' | 'stderr';
}

/**
 * @throws {Refusal} 400 for a malformed value, 422 for contradictory options
 * @see Kubernetes 1.36 pkg/kubelet/server/server.go, getContainerLogs; pkg/apis/core/validation/validation.go, ValidatePodLogOptions
 */
export function parseLogQuery(query: URLSearchParams): LogQuery {
  const tailLines = readTail(query);
  const limitBytes = readNumber(query, 'limitBytes');
  const sinceSeconds = readNumber(query, 'sinceSeconds');
  const sinceTimeMs = readTime(query, 'sinceTime');
  const stream = query.get('stream') ?? 'All';
  const isWrong =
    (tailLines !== undefined && tailLines < 0) ||
    (limitBytes !== undefined && limitBytes < 1) ||
    (sinceSeconds !== undefined && sinceSeconds < 1) ||
    (sinceSeconds !== undefined && sinceTimeMs !== undefined) ||
    !['', 'All', 'Stdout', 'Stderr'].includes(stream) ||
    (tailLines !== undefined && (stream === 'Stdout' || stream === 'Stderr'));
  if (isWrong) throw new Refusal(json({ message: 'Invalid request.' }, 422));
  return {
    follow: readFlag(query, 'follow'),
    previous: readFlag(query, 'previous'),
    timestamps: readFlag(query, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(sinceTimeMs !== undefined && { sinceTimeMs }),
    ...(stream === 'Stdout' && { stream: 'stdout' as const }),
    ...(stream === 'Stderr' && { stream: 'stderr' as const }),
  };
}

function undecodable(): Refusal {
  return new Refusal(json({ message: 'Unable to decode query.' }, 400));
}

/** Reads the older `tail`, a number or `all`, unless `tailLines` is given. */
function readTail(query: URLSearchParams): number | undefined {
  const legacy = query.get('tail');
  if (query.has('tailLines') || legacy === null) return readNumber(query, 'tailLines');
  return legacy === 'all' ? undefined : readNumber(query, 'tail');
}

function readNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw undecodable();
  return Number(text);
}

/** Accepts Go's texts for booleans; a name without value means true. */
function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null) return false;
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw undecodable();
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const ms = parseTimestamp(text);
  if (ms === undefined) throw undecodable();
  return ms;
}
