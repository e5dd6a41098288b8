import { ProbeError } from '../model/errors.js';
import type { ProbeAction } from '../model/probe.js';
import { checkAction } from './check-probes.js';

type Action<Kind extends ProbeAction['kind']> = Extract<ProbeAction, { kind: Kind }>;

/** An action without the fields that have an obvious value. */
export type ShortAction =
  | (Pick<Action<'http'>, 'kind' | 'port'> & Partial<Action<'http'>>)
  | Action<'tcp'>
  | (Pick<Action<'grpc'>, 'kind' | 'port'> & Partial<Action<'grpc'>>)
  | Action<'exec'>;

export interface PlannedOnce {
  readonly action: ProbeAction;
  /** The host that the address names; undefined when the action was not an address. */
  readonly address?: string;
}

/**
 * Completes an action, or makes one of an address: `http://host:8080/healthz`, `https://host`,
 * `tcp://host:5432`, `grpc://host:9090/service`.
 *
 * @throws {ProbeError} `PROBE_INVALID`
 */
export function planOnce(given: ShortAction | string): PlannedOnce {
  if (typeof given === 'string') return actionOfAddress(given);
  switch (given.kind) {
    case 'http':
      return { action: { scheme: 'http', path: '/', headers: [], ...given } };
    case 'grpc':
      return { action: { service: '', ...given } };
    default:
      checkAction(given);
      return { action: given };
  }
}

function actionOfAddress(text: string): PlannedOnce {
  const invalid = (problem: string): ProbeError =>
    new ProbeError('PROBE_INVALID', `${JSON.stringify(text)} ${problem}`);
  const url = URL.parse(text);
  if (url === null) throw invalid('is not an address such as http://127.0.0.1:8080/healthz');
  if (url.username !== '' || url.password !== '') throw invalid('has a user or a password');
  const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (address === '') throw invalid('names no host');
  const scheme = url.protocol.slice(0, -1);
  switch (scheme) {
    case 'http':
    case 'https': {
      const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
      const path = `${url.pathname}${url.search}`;
      return { action: { kind: 'http', scheme, port, path, headers: [] }, address };
    }
    case 'tcp':
    case 'grpc': {
      if (url.port === '') throw invalid('names no port');
      const port = Number(url.port);
      if (scheme === 'tcp') return { action: { kind: 'tcp', port }, address };
      const service = decodeURIComponent(url.pathname.slice(1));
      return { action: { kind: 'grpc', port, service }, address };
    }
    default:
      throw invalid('begins with none of http, https, tcp and grpc');
  }
}
