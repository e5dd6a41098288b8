import type { Container } from '@nodeagent/kube-client';

import type { HookRequest } from '../ports.js';

type Handler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

export type Hook =
  | Readonly<{ kind: 'exec'; command: readonly string[] }>
  | Readonly<{ kind: 'http'; request: HookRequest }>
  | Readonly<{ kind: 'sleep'; ms: number }>;

/**
 * The action of a lifecycle handler.
 *
 * @throws {Error} for a port that the container does not have, and for a handler of another kind,
 *   such as `tcpSocket`, which the API accepts but no kubelet runs
 */
export function planHook(
  handler: Handler,
  target: Readonly<{ container: Container | undefined; podIp: string | undefined }>,
): Hook {
  if (handler.exec !== undefined) return { kind: 'exec', command: handler.exec.command ?? [] };
  if (handler.sleep !== undefined) return { kind: 'sleep', ms: handler.sleep.seconds * 1000 };
  const http = handler.httpGet;
  if (http === undefined) throw new Error(`invalid handler: ${JSON.stringify(handler)}`);
  const headers = (http.httpHeaders ?? []).map(({ name, value }) => ({ name, value }));
  const agent = headers.some(({ name }) => name.toLowerCase() === 'user-agent')
    ? []
    : [{ name: 'User-Agent', value: 'kube-lifecycle/1.36' }];
  const path = http.path ?? '/';
  const request = {
    scheme: http.scheme === 'HTTPS' ? ('https' as const) : ('http' as const),
    host: http.host || (target.podIp ?? ''),
    port: portNumber(http.port, target.container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: [...headers, ...agent],
  };
  return { kind: 'http', request };
}

function portNumber(port: string | number, container: Container | undefined): number {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0) return number;
  const named = container?.ports?.find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${port}`);
  return named.containerPort;
}
