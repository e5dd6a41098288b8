import { ManualClock } from '@nodeagent/base/testing';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { StatusError } from '../../../src/model/errors.js';
import { findKind, kindOf } from '../../../src/model/kinds.js';
import type { ApiObject } from '../../../src/model/object.js';
import type { UserInfo } from '../../../src/model/request.js';
import { parseRoute, verbOf } from '../../../src/plan/route.js';
import { type Authorizer, createAuthorizer } from '../../../src/run/authorizer.js';
import { createLateBindings } from '../../../src/run/noticed-bindings.js';
import { Registry } from '../../../src/run/registry.js';
import { Store } from '../../../src/run/store.js';

const authenticated = 'system:authenticated';
const MASTER: UserInfo = { username: 'root', groups: ['system:masters', authenticated] };
const NODE: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', authenticated] };
const IMPOSTOR: UserInfo = { username: 'system:node:n1', groups: [authenticated] };
const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const ACCOUNT: UserInfo = {
  username: 'system:serviceaccount:default:builder',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:default', authenticated],
};

let authorizer: Authorizer;
let registry: Registry;

beforeAll(() => {
  const store = new Store(1_000);
  const clock = new ManualClock();
  registry = new Registry({ store, clock, newUid: () => 'u', newSuffix: () => 'abcde' });
  const create = (group: string, plural: string, object: object): void => {
    const kind = kindOf(group, plural);
    const namespace = kind.namespaced ? 'default' : '';
    const context = { user: MASTER, dryRun: false, fieldManager: 't', force: false };
    registry.create(kind, namespace, object as ApiObject, context);
  };
  const tokenFor = (audience: string): object => ({
    serviceAccountToken: { path: audience === '' ? 'token' : audience, audience },
  });
  const pod = (name: string, nodeName: string, prefix: string): void => {
    const env = [
      { name: 'A', valueFrom: { secretKeyRef: { name: `${prefix}-env`, key: 'a' } } },
      { name: 'B', valueFrom: { configMapKeyRef: { name: `${prefix}-map`, key: 'b' } } },
    ];
    const volumes = [
      { name: 's', secret: { secretName: `${prefix}-volume` } },
      { name: 'p', projected: { sources: [{ secret: { name: `${prefix}-projected` } }] } },
      { name: 'c', persistentVolumeClaim: { claimName: `${prefix}-claim` } },
      { name: 't', projected: { sources: [tokenFor(''), tokenFor(`${prefix}-volume`)] } },
      { name: 'i', csi: { driver: 'inline.test' } },
      { name: 'e', ephemeral: { volumeClaimTemplate: { spec: {} } } },
    ];
    const envFrom = [{ secretRef: { name: `${prefix}-all` } }];
    const containers = [{ name: 'c', image: 'i:1', env, envFrom }];
    const imagePullSecrets = [{ name: `${prefix}-pull` }];
    const spec = { nodeName, containers, volumes, imagePullSecrets, serviceAccountName: prefix };
    create('', 'pods', { metadata: { name }, spec });
  };
  pod('mine', 'n1', 'own');
  pod('theirs', 'n2', 'other');
  const driver = (name: string): void => {
    const tokenRequests = [{ audience: `of-${name}` }];
    create('storage.k8s.io', 'csidrivers', { metadata: { name }, spec: { tokenRequests } });
  };
  const claim = (name: string, driverName: string): void => {
    create('', 'persistentvolumeclaims', { metadata: { name }, spec: { volumeName: name } });
    create('', 'persistentvolumes', { metadata: { name }, spec: { csi: { driver: driverName } } });
  };
  for (const name of ['inline.test', 'claimed.test', 'ephemeral.test', 'unused.test']) driver(name);
  claim('own-claim', 'claimed.test');
  claim('mine-e', 'ephemeral.test');
  const rbac = 'rbac.authorization.k8s.io';
  const rules = [
    { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['*'], verbs: ['*'] },
    { apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'], verbs: ['get'] },
    { apiGroups: [''], resources: ['*/status'], verbs: ['patch'] },
  ];
  create(rbac, 'roles', { metadata: { name: 'building' }, rules });
  create(rbac, 'rolebindings', {
    metadata: { name: 'building' },
    roleRef: { kind: 'Role', name: 'building' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'builder' }],
  });
  const asking = {
    ...{ apiGroups: [''], resources: ['granted'], resourceNames: ['own'] },
    verbs: ['request-serviceaccounts-token-audience'],
  };
  create(rbac, 'clusterroles', { metadata: { name: 'asking' }, rules: [asking] });
  create(rbac, 'clusterrolebindings', {
    metadata: { name: 'asking' },
    roleRef: { kind: 'ClusterRole', name: 'asking' },
    subjects: [{ kind: 'Group', name: 'system:nodes' }],
  });
  const reading = [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }];
  create(rbac, 'clusterroles', { metadata: { name: 'reading' }, rules: reading });
  create(rbac, 'clusterrolebindings', {
    metadata: { name: 'reading' },
    roleRef: { kind: 'ClusterRole', name: 'reading' },
    subjects: [{ kind: 'Group', name: 'system:serviceaccounts' }],
  });
  authorizer = createAuthorizer(registry);
});

/** Returns the refusal's message, or `undefined` when the request is allowed. */
function refusal(user: UserInfo, line: string, body: object = {}): string | undefined {
  const [method = '', url = ''] = line.split(' ');
  const { pathname, searchParams } = new URL(url, 'https://x');
  const route = parseRoute(pathname, findKind);
  if (route === undefined) throw new Error(`no route for ${url}`);
  const verb = verbOf(method, route, searchParams.has('watch'));
  if (verb === undefined) throw new Error(`no verb for ${line}`);
  try {
    authorizer.check(user, { verb, route, query: searchParams, body });
    return undefined;
  } catch (error) {
    if (error instanceof StatusError && error.httpStatus === 403) return error.message;
    throw error;
  }
}

const IN = '/api/v1/namespaces/default';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const named = (name: string): object => ({ metadata: { name } });
const boundTo = (name: string, ...audiences: readonly string[]): object => ({
  spec: { boundObjectRef: { kind: 'Pod', name, uid: 'u' }, audiences },
});
const onNode = (nodeName: string, annotations?: object): object => ({
  metadata: { name: 'p', annotations },
  spec: { nodeName },
});
const MIRROR = { 'kubernetes.io/config.mirror': 'x' };

describe('a node may', () => {
  it.each<[line: string, body?: object]>([
    ['POST /api/v1/nodes', named('n1')],
    ['PUT /api/v1/nodes/n1'],
    ['PATCH /api/v1/nodes/n1/status'],
    ['GET /api/v1/nodes/n1'],
    ['GET /api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dn1'],
    [`GET ${IN}/pods/mine`],
    ['GET /api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1'],
    [`PATCH ${IN}/pods/mine/status`],
    [`DELETE ${IN}/pods/mine`],
    [`POST ${IN}/pods/mine/eviction`],
    [`POST ${IN}/pods`, onNode('n1', MIRROR)],
    [`GET ${IN}/secrets/own-volume`],
    [`GET ${IN}/secrets/own-projected`],
    [`GET ${IN}/secrets/own-env`],
    [`GET ${IN}/secrets/own-all`],
    [`GET ${IN}/secrets/own-pull`],
    [`GET ${IN}/secrets?watch=true&fieldSelector=metadata.name%3Down-env`],
    [`GET ${IN}/configmaps/own-map`],
    [`GET ${IN}/persistentvolumeclaims/own-claim`],
    [`GET ${IN}/services`],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine')],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine', 'own-volume')],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine', 'of-inline.test')],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine', 'of-claimed.test')],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine', 'of-ephemeral.test')],
    [`POST ${IN}/serviceaccounts/own/token`, boundTo('mine', 'granted')],
    [`POST ${LEASES}`, named('n1')],
    [`PUT ${LEASES}/n1`],
    ['POST /apis/certificates.k8s.io/v1/certificatesigningrequests'],
    ['POST /apis/storage.k8s.io/v1/csinodes', named('n1')],
  ])('%s', (line, body) => {
    expect(refusal(NODE, line, body)).toBeUndefined();
  });
});

describe('a node may not', () => {
  it.each<[line: string, why: string, body?: object]>([
    ['POST /api/v1/nodes', 'not allowed to modify node "n2"', named('n2')],
    ['PATCH /api/v1/nodes/n2/status', 'not allowed to modify node "n2"'],
    ['DELETE /api/v1/nodes/n1', 'cannot delete resource "nodes"'],
    ['GET /api/v1/nodes/n2', "cannot read 'n2', only its own Node object"],
    ['GET /api/v1/nodes', 'cannot read all nodes'],
    ['GET /api/v1/pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn2', 'with spec.nodeName field selector'],
    ['GET /api/v1/pods?fieldSelector=spec.nodeName%21%3Dn1', 'with spec.nodeName field selector'],
    [`GET ${IN}/pods/theirs`, 'no relationship found'],
    [`PATCH ${IN}/pods/theirs/status`, 'can only update pod status for pods with spec.nodeName'],
    [`DELETE ${IN}/pods/theirs`, 'can only delete pods with spec.nodeName set to itself'],
    [`POST ${IN}/pods/theirs/eviction`, 'can only evict pods'],
    [`POST ${IN}/pods`, 'can only create pods with spec.nodeName set to', onNode('n2', MIRROR)],
    [`POST ${IN}/pods`, 'can only create mirror pods', onNode('n1')],
    [`PATCH ${IN}/pods/mine`, 'cannot patch resource "pods"'],
    [`GET ${IN}/secrets/other-volume`, "no relationship found between node 'n1'"],
    ['GET /api/v1/namespaces/elsewhere/secrets/own-volume', 'no relationship found'],
    [`GET ${IN}/secrets`, 'No Object name found'],
    [`PUT ${IN}/secrets/own-volume`, 'no relationship found'],
    [`GET ${IN}/configmaps/other-map`, 'no relationship found'],
    [`POST ${IN}/serviceaccounts/other/token`, 'no relationship found', boundTo('theirs')],
    [`POST ${IN}/serviceaccounts/own/token`, 'not bound to a pod'],
    [`POST ${IN}/serviceaccounts/own/token`, 'on a different node', boundTo('theirs')],
    [
      `POST ${IN}/serviceaccounts/own/token`,
      'with a pod binding without a uid',
      { spec: { boundObjectRef: { kind: 'Pod', name: 'mine' } } },
    ],
    [
      `POST ${IN}/serviceaccounts/own/token`,
      'may only request 0 or 1 audiences',
      boundTo('mine', 'own-volume', 'granted'),
    ],
    [
      `POST ${IN}/serviceaccounts/own/token`,
      'serviceaccounts "own" is forbidden: audience "registry" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
      boundTo('mine', 'registry'),
    ],
    [
      `POST ${IN}/serviceaccounts/own/token`,
      'audience "of-unused.test" not found',
      boundTo('mine', 'of-unused.test'),
    ],
    [`POST ${LEASES}`, 'same name as the requesting node', named('n2')],
    [`GET ${LEASES}/n2`, 'same name as the requesting node'],
    [
      `PUT ${LEASES.replace('kube-node-lease', 'default')}/n1`,
      'in the "kube-node-lease" system namespace',
    ],
    ['POST /apis/storage.k8s.io/v1/csinodes', 'same name as the requesting node', named('n2')],
    [`POST ${IN}/configmaps`, 'no relationship found', named('x')],
    ['PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval', 'cannot update'],
  ])('%s: %s', (line, why, body) => {
    expect(refusal(NODE, line, body)).toContain(why);
  });
});

describe('a node whose pod was just bound', () => {
  it('gets no token before its binding is noticed, but everything else at once', async () => {
    const clock = new ManualClock();
    const prompt = authorizer;
    onTestFinished(() => void (authorizer = prompt));
    authorizer = createAuthorizer(registry, createLateBindings(clock, 300));
    const line = `POST ${IN}/serviceaccounts/own/token`;
    expect(refusal(NODE, line, boundTo('mine'))).toContain('no relationship found');
    expect(refusal(NODE, `GET ${IN}/secrets/own-volume`)).toBeUndefined();
    await clock.advance(299);
    expect(refusal(NODE, line, boundTo('mine'))).toContain('no relationship found');
    await clock.advance(1);
    expect(refusal(NODE, line, boundTo('mine'))).toBeUndefined();
  });
});

describe('other users', () => {
  it.each<[who: string, user: UserInfo, line: string, allowed: boolean]>([
    ['a master', MASTER, `DELETE ${IN}/secrets`, true],
    ['a master', MASTER, 'DELETE /api/v1/nodes/n2', true],
    ['nobody', ANONYMOUS, `GET ${IN}/pods`, false],
    ['nobody', ANONYMOUS, 'GET /api/v1/nodes/n1', false],
    ['a node without its group', IMPOSTOR, 'PUT /api/v1/nodes/n1', false],
    ['a service account by its role', ACCOUNT, `GET ${IN}/pods`, true],
    ['a service account by its role', ACCOUNT, `GET ${IN}/pods/mine/log`, true],
    ['a verb that the role lacks', ACCOUNT, `DELETE ${IN}/pods/mine`, false],
    ['a part that the role lacks', ACCOUNT, `PUT ${IN}/pods/mine/resize`, false],
    ['a group of the role', ACCOUNT, `DELETE /apis/apps/v1/namespaces/default/deployments/x`, true],
    ['a name of the role', ACCOUNT, `GET ${IN}/configmaps/one`, true],
    ['another name', ACCOUNT, `GET ${IN}/configmaps/two`, false],
    ['a part of everything', ACCOUNT, `PATCH ${IN}/services/x/status`, true],
    ['another namespace', ACCOUNT, '/api/v1/namespaces/kube-system/pods', false],
    ['all namespaces', ACCOUNT, 'GET /api/v1/pods', false],
    ['a group of service accounts', ACCOUNT, 'GET /api/v1/nodes/n1', true],
    ['a cluster role without the verb', ACCOUNT, 'PATCH /api/v1/nodes/n1', false],
  ])('%s: %o %s → %o', (_who, user, line, allowed) => {
    const request = line.startsWith('/') ? `GET ${line}` : line;
    expect(refusal(user, request) === undefined).toBe(allowed);
  });

  it('may read paths that are not resources, and write none', () => {
    expect(() => authorizer.checkPath(ACCOUNT, 'GET', '/version')).not.toThrow();
    expect(() => authorizer.checkPath(ACCOUNT, 'POST', '/version')).toThrow(
      'User "system:serviceaccount:default:builder" cannot post path "/version"',
    );
  });
});
