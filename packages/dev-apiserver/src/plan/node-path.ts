import { statusError } from '../model/errors.js';
import { findKind, kindOf } from '../model/kinds.js';
import { type ApiObject, listAt, textAt, valueAt } from '../model/object.js';
import { parseRoute, type Route } from './route.js';

/** A request that the node answers, not this server. */
export interface NodeRoute {
  readonly route: Route;
  /**
   * The path below `nodes/<name>/proxy`, as sent, with its leading slash; empty for parts of pods.
   */
  readonly rest: string;
  /** The port of `nodes/<name>:<port>`; the kubelet's own when absent. */
  readonly port?: number;
}

const POD_STREAMS: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward']);
const NODE_PROXY = /^\/api\/v1\/nodes\/([^/]+)\/proxy(\/.*)?$/;

/** @returns undefined for a path that this server answers itself */
export function parseNodeRoute(path: string): NodeRoute | undefined {
  const [, segment, rest = '/'] = NODE_PROXY.exec(path) ?? [];
  if (segment !== undefined) {
    const named = /^(?:https:)?([^:]+)(?::(\d{1,5}))?:?$/.exec(decodeURIComponent(segment));
    if (named === null) return undefined;
    const [, name = '', port] = named;
    const route = { kind: kindOf('', 'nodes'), namespace: '', name, subresource: 'proxy' };
    return { route, rest, ...(port !== undefined && { port: Number(port) }) };
  }
  const route = parseRoute(path, findKind);
  const isStream = route?.kind.storage === 'pods' && POD_STREAMS.has(route.subresource);
  return isStream ? { route, rest: '' } : undefined;
}

/** The address of a node's kubelet. */
export interface NodeEndpoint {
  readonly host: string;
  readonly port: number;
}

/** The request that the node gets in the client's place. */
export interface NodeTarget extends NodeEndpoint {
  /** Includes the query. */
  readonly path: string;
  /**
   * True when a refusal becomes a Status; otherwise it is passed on unchanged.
   *
   * @see Kubernetes 1.36 pkg/registry/core/pod/rest/log.go
   */
  readonly wordsRefusals?: boolean;
}

const PREFERRED = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
const KUBELET_PORT = 10_250;

/** @throws {StatusError} 500 while the node's status has no address */
export function nodeEndpoint(node: ApiObject): NodeEndpoint {
  const addresses = listAt(node, 'status.addresses');
  const found = PREFERRED.flatMap((type) =>
    addresses.filter((address) => textAt(address, 'type') === type),
  );
  const host = textAt(found[0], 'address');
  if (host === '') {
    throw statusError.internal(`no preferred addresses found for node ${node.metadata.name}`);
  }
  const port = Number(textAt(node, 'status.daemonEndpoints.kubeletEndpoint.Port'));
  return { host, port: port > 0 ? port : KUBELET_PORT };
}

/**
 * Returns the kubelet's path for a part of a pod, with its query.
 *
 * @throws {StatusError} 400 for a container that the pod does not have, or when the container must
 * be named
 * @see Kubernetes 1.36 pkg/registry/core/pod/strategy.go, LogLocation and streamLocation
 */
export function kubeletPath(pod: ApiObject, subresource: string, query: URLSearchParams): string {
  const { namespace = '', name = '' } = pod.metadata;
  const where = [namespace, name].map(encodeURIComponent).join('/');
  const asked = new URLSearchParams();
  if (subresource === 'portforward') {
    for (const ports of query.getAll('ports')) asked.append('port', ports);
    return withQuery(`/portForward/${where}`, asked);
  }
  const container = chosenContainer(pod, query.get('container') ?? '');
  const path = `${where}/${encodeURIComponent(container)}`;
  if (subresource === 'log') {
    for (const [key, value] of query) if (LOG_OPTIONS.has(key)) asked.append(key, value);
    return withQuery(`/containerLogs/${path}`, asked);
  }
  for (const [option, parameter] of Object.entries(STREAM_OPTIONS)) {
    if (isYes(query.get(option))) asked.append(parameter, '1');
  }
  if (subresource === 'exec') {
    for (const word of query.getAll('command')) asked.append('command', word);
  }
  return withQuery(`/${subresource}/${path}`, asked);
}

const LOG_OPTIONS: ReadonlySet<string> = new Set([
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'stream',
]);

/** The names of stream options in the API and in the kubelet's paths. */
const STREAM_OPTIONS = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const;

function isYes(text: string | null): boolean {
  return text !== null && !['0', 'f', 'false', 'F', 'FALSE', 'False'].includes(text);
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function chosenContainer(pod: ApiObject, asked: string): string {
  const names = (field: string): readonly string[] =>
    listAt(pod, `spec.${field}`).map((one) => textAt(one, 'name'));
  const regular = names('containers');
  const init = names('initContainers');
  const { name } = pod.metadata;
  if (asked !== '') {
    if ([...regular, ...init, ...names('ephemeralContainers')].includes(asked)) return asked;
    throw statusError.badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...others] = regular;
  if (only !== undefined && others.length === 0) return only;
  const more = init.length === 0 ? '' : ` or one of the init containers: [${init.join(' ')}]`;
  throw statusError.badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${regular.join(' ')}]${more}`,
  );
}

/** @returns undefined before the pod has a node */
export function nodeNameOf(pod: ApiObject): string | undefined {
  const name = valueAt(pod, 'spec.nodeName');
  return typeof name === 'string' && name !== '' ? name : undefined;
}
