import { KUBERNETES_VERSION } from '@nodeagent/component-base';

import type { Kind } from '../model/kind.js';
import { STORED_VERBS } from '../model/kind-table.js';
import { apiVersionOf } from '../model/kinds.js';
import type { JsonObject } from '../model/object.js';

const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.');

export const VERSION = {
  major,
  minor,
  gitVersion: KUBERNETES_VERSION,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
};

export type Document = Readonly<{
  kind: 'body';
  httpStatus: number;
  body: unknown;
  contentType?: string;
}>;

/**
 * Renders every path below /api and /apis that names no object; undefined for paths that do not
 * exist.
 */
export function renderDiscovery(
  kinds: readonly Kind[],
  path: string,
  accept: string,
): Document | undefined {
  const all = [...new Set(kinds.map(({ group }) => group))];
  const parts = path.split('/').filter((part) => part !== '');
  const aggregated = wantsAggregated(accept);
  if (path === '/version' || path === '/version/') return document(VERSION);
  if (parts.length === 1 && parts[0] === 'api') {
    return aggregated === undefined ? document(coreVersions()) : aggregate(kinds, [''], aggregated);
  }
  if (parts.length === 1 && parts[0] === 'apis') {
    const groups = all.filter((group) => group !== '');
    return aggregated === undefined
      ? document(groupList(kinds, groups))
      : aggregate(kinds, groups, aggregated);
  }
  if (parts[0] === 'api' && parts.length === 2) return resourceList(kinds, '', parts[1] ?? '');
  if (parts[0] !== 'apis' || !all.includes(parts[1] ?? '')) return undefined;
  if (parts.length === 2) return document(groupOf(kinds, parts[1] ?? '', true));
  if (parts.length === 3) return resourceList(kinds, parts[1] ?? '', parts[2] ?? '');
  return undefined;
}

function document(body: unknown, contentType?: string): Document {
  return {
    kind: 'body',
    httpStatus: 200,
    body,
    ...(contentType === undefined ? {} : { contentType }),
  };
}

/** Returns the version of aggregated discovery that the client prefers. */
function wantsAggregated(accept: string): string | undefined {
  const entries = accept.split(',').map((entry) => entry.replaceAll(' ', ''));
  for (const entry of entries) {
    if (!entry.startsWith('application/json')) continue;
    if (!entry.includes('as=APIGroupDiscoveryList')) return undefined;
    if (entry.includes('v=v2;') || entry.endsWith('v=v2')) return 'v2';
    if (entry.includes('v=v2beta1')) return 'v2beta1';
  }
  return undefined;
}

function coreVersions(): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }],
  };
}

function groupOf(kinds: readonly Kind[], name: string, standalone: boolean): JsonObject {
  const versions = [
    ...new Set(kinds.filter(({ group }) => group === name).map(({ version }) => version)),
  ];
  const described = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  const type = standalone ? { kind: 'APIGroup', apiVersion: 'v1' } : {};
  return { ...type, name, versions: described, preferredVersion: described[0] };
}

function groupList(kinds: readonly Kind[], groups: readonly string[]): unknown {
  const described = groups.map((group) => groupOf(kinds, group, false));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: described };
}

function resourceList(all: readonly Kind[], group: string, version: string): Document | undefined {
  const kinds = all.filter((kind) => kind.group === group && kind.version === version);
  const [first] = kinds;
  if (first === undefined) return undefined;
  const resources = kinds.flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.stored ? STORED_VERBS : ['create'],
      ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
      ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    },
    ...subresourcesOf(kind).map((sub) => ({
      name: `${kind.plural}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(sub.group === kind.group ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  const groupVersion = apiVersionOf(first);
  return document({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources });
}

interface Subresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

function subresourcesOf(kind: Kind): readonly Subresource[] {
  const { group, version } = kind;
  const verbs = ['get', 'patch', 'update'];
  return [
    ...Object.entries(kind.subresources).map(([name, sub]) => ({ name, ...sub })),
    ...(kind.scale
      ? [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs }]
      : []),
    ...(kind.status ? [{ name: 'status', group, version, kind: kind.kind, verbs }] : []),
  ];
}

function aggregate(kinds: readonly Kind[], groups: readonly string[], version: string): Document {
  const apiVersion = `apidiscovery.k8s.io/${version}`;
  const items = groups.map((group) => {
    const versions = [
      ...new Set(kinds.filter((kind) => kind.group === group).map((kind) => kind.version)),
    ];
    return {
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((name) => ({
        version: name,
        resources: kinds
          .filter((kind) => kind.group === group && kind.version === name)
          .map(aggregated),
        freshness: 'Current',
      })),
    };
  });
  return document(
    { kind: 'APIGroupDiscoveryList', apiVersion, metadata: {}, items },
    `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  );
}

function aggregated(kind: Kind): JsonObject {
  const { group, version } = kind;
  const subresources = subresourcesOf(kind).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: kind.plural,
    responseKind: { group, version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.stored ? STORED_VERBS : ['create'],
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
