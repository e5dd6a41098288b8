import type { AnyResource, Resource } from '../model/resource.js';
import { PODS } from '../model/resources/core.js';
import { checkObjectName } from '../plan/object-name.js';
import { checkCommand, checkPort, sessionStreams } from '../plan/session.js';
import type {
  AttachOptions,
  DeleteOptions,
  ExecOptions,
  ListOptions,
  ObjectName,
  Patch,
  PodLogOptions,
  WatchOptions,
} from '../ports.js';

type Query = readonly (readonly [name: string, value: string | number | boolean | undefined])[];

/**
 * `/api/v1/namespaces/ns/pods/name/status`
 *
 * @throws {KubeError} `KUBE_INVALID` without the name, or the namespace of a kind that has one
 */
export function objectPath(
  resource: Resource<unknown>,
  { namespace, name }: ObjectName,
  subresource?: string,
): string {
  checkObjectName(resource, { name, ...(namespace !== undefined && { namespace }) });
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/**
 * `/apis/apps/v1/namespaces/ns/deployments`; without a namespace, the path covers all namespaces.
 */
export function collectionPath(
  resource: AnyResource<unknown>,
  namespace: string | undefined,
): string {
  const { group, version, plural, namespaced } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  if (!namespaced || namespace === undefined) return `${root}/${plural}`;
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

export function listPath(resource: Resource<unknown>, options: ListOptions): string {
  return withQuery(collectionPath(resource, options.namespace), [
    ['labelSelector', options.labelSelector],
    ['fieldSelector', options.fieldSelector],
    ['limit', options.limit],
    ['continue', options.continueToken],
    // A continue token contains its version, and the server refuses the two together.
    ['resourceVersion', options.continueToken === undefined ? options.resourceVersion : undefined],
  ]);
}

export function watchPath(resource: Resource<unknown>, options: WatchOptions): string {
  const { timeoutMs } = options;
  return withQuery(collectionPath(resource, options.namespace), [
    ['watch', true],
    ['allowWatchBookmarks', true],
    ['resourceVersion', options.resourceVersion],
    ['labelSelector', options.labelSelector],
    ['fieldSelector', options.fieldSelector],
    ['timeoutSeconds', timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1000)],
  ]);
}

export function podLogPath(name: ObjectName, options: PodLogOptions): string {
  const { container, follow, previous, tailLines, sinceMs, limitBytes, timestamps } = options;
  return withQuery(objectPath(PODS, name, 'log'), [
    ['container', container],
    ['follow', follow],
    ['previous', previous],
    ['tailLines', tailLines],
    ['sinceTime', sinceMs === undefined ? undefined : new Date(sinceMs).toISOString()],
    ['limitBytes', limitBytes],
    ['timestamps', timestamps],
  ]);
}

/** @throws {KubeError} `KUBE_INVALID` without a command, a name or a namespace */
export function execPath(name: ObjectName, options: ExecOptions): string {
  const { command } = options;
  checkCommand(name, command);
  const path = withQuery(objectPath(PODS, name, 'exec'), streamQuery(options));
  const words = command.map((word) => `command=${encodeURIComponent(word)}`);
  return `${path}${path.includes('?') ? '&' : '?'}${words.join('&')}`; // words may be empty
}

/** @throws {KubeError} `KUBE_INVALID` without a name or a namespace */
export function attachPath(name: ObjectName, options: AttachOptions): string {
  return withQuery(objectPath(PODS, name, 'attach'), streamQuery(options));
}

/** @throws {KubeError} `KUBE_INVALID` for a number that is no port, without a name or a namespace */
export function portForwardPath(name: ObjectName, port: number): string {
  checkPort(name, port);
  return withQuery(objectPath(PODS, name, 'portforward'), [['ports', port]]);
}

function streamQuery(options: AttachOptions): Query {
  const { stdin, stdout, stderr, tty } = sessionStreams(options);
  return [
    ['container', options.container],
    ['stdin', stdin || undefined],
    ['stdout', stdout || undefined],
    ['stderr', stderr || undefined],
    ['tty', tty || undefined],
  ];
}

export function patchPath(path: string, { fieldManager, force }: Patch): string {
  return withQuery(path, [
    ['fieldManager', fieldManager],
    ['force', force],
  ]);
}

/** Returns the wire form of the options of a DELETE. */
export function deleteBody(options: DeleteOptions): string {
  const { gracePeriodSeconds, uid, propagationPolicy } = options;
  return JSON.stringify({
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    gracePeriodSeconds,
    propagationPolicy,
    ...(uid === undefined ? {} : { preconditions: { uid } }),
  });
}

function withQuery(path: string, query: Query): string {
  const parts = query
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}
