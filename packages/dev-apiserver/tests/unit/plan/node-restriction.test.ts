import { describe, expect, it } from 'vitest';

import type { ApiObject } from '../../../src/model/object.js';
import { mirrorPodProblem, nodeWriteProblem } from '../../../src/plan/node-restriction.js';

const N1 = { name: 'n1', uid: 'u1' };

function aNode(labels: Readonly<Record<string, string>>, more: object = {}): ApiObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels }, ...more };
}

function aPod(metadata: object, spec: object = {}): ApiObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...metadata }, spec } as ApiObject;
}

const write = (storage: string, draft: ApiObject, old?: ApiObject): string | undefined =>
  nodeWriteProblem(storage, N1, { draft, old });

describe('a node may write about itself', () => {
  const plain = aNode({});
  it.each([
    ['kubernetes.io/hostname'],
    ['beta.kubernetes.io/arch'],
    ['topology.kubernetes.io/zone'],
    ['node.kubernetes.io/anything'],
    ['x.kubelet.kubernetes.io/anything'],
    ['example.com/role'],
    ['rack'],
  ])('%s', (label) => {
    expect(write('nodes', aNode({ [label]: 'x' }))).toBeUndefined();
    expect(write('nodes', aNode({ [label]: 'x' }), plain)).toBeUndefined();
  });

  it.each([
    ['node-restriction.kubernetes.io/team'],
    ['node-role.kubernetes.io/control-plane'],
    ['example.kubernetes.io/x'],
    ['k8s.io/x'],
  ])('not %s', (label) => {
    const labelled = aNode({ [label]: 'x' });
    const words = `labels: ${label}`;
    expect(write('nodes', labelled)).toContain(words);
    expect(write('nodes', labelled, plain)).toContain(words);
    expect(write('nodes', plain, labelled)).toContain(words);
    expect(write('nodes', labelled, labelled)).toBeUndefined();
  });

  it('taints when it registers, and not later', () => {
    const tainted = aNode({}, { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } });
    expect(write('nodes', tainted)).toBeUndefined();
    expect(write('nodes', tainted, plain)).toContain('not allowed to modify taints');
    expect(write('nodes', plain, tainted)).toContain('not allowed to modify taints');
    expect(write('nodes', aNode({ rack: '1' }, { spec: tainted.spec }), tainted)).toBeUndefined();
  });
});

describe('a node may write about its pods', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true };

  it.each<[string, readonly object[], string | undefined]>([
    ['that it owns its mirrors', [owner], undefined],
    ['not that it has no owner', [], 'with an owner reference set to itself'],
    [
      'not that another node owns it',
      [{ ...owner, name: 'n2' }],
      'with an owner reference set to itself',
    ],
    ['not that two owners have it', [owner, owner], 'with a single owner reference'],
    [
      'not that the owner is not its controller',
      [{ ...owner, controller: false }],
      'controller owner reference',
    ],
    [
      'not that it must be deleted first',
      [{ ...owner, blockOwnerDeletion: true }],
      'blockOwnerDeletion',
    ],
    [
      'not that an earlier node of the same name owns it',
      [{ ...owner, uid: 'u0' }],
      'UID mismatch',
    ],
  ])('%s', (_, ownerReferences, why) => {
    const problem = write('pods', aPod({ ownerReferences }));
    if (why === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(why);
  });

  it('their status, not their labels', () => {
    const old = aPod({ labels: { a: 'b' } });
    expect(write('pods', aPod({ labels: { a: 'c' } }), old)).toContain('cannot update labels');
    expect(write('pods', aPod({ labels: { a: 'b' } }), old)).toBeUndefined();
  });
});

describe(mirrorPodProblem, () => {
  const container = { name: 'c', image: 'i' };
  const secretKeyRef = { name: 's', key: 'k' };
  it.each<[object, string | undefined]>([
    [{ containers: [container], volumes: [{ name: 'e', emptyDir: {} }] }, undefined],
    [{ serviceAccountName: 'default' }, 'service accounts'],
    [{ volumes: [{ name: 's', secret: { secretName: 's' } }] }, 'secrets'],
    [{ volumes: [{ name: 's', projected: { sources: [{ secret: { name: 's' } }] } }] }, 'secrets'],
    [{ imagePullSecrets: [{ name: 's' }] }, 'secrets'],
    [{ containers: [{ ...container, envFrom: [{ secretRef: { name: 's' } }] }] }, 'secrets'],
    [
      { initContainers: [{ ...container, env: [{ name: 'a', valueFrom: { secretKeyRef } }] }] },
      'secrets',
    ],
    [
      { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: {} }] } }] },
      'ServiceAccountToken',
    ],
  ])('%j: %s', (spec, why) => {
    const problem = mirrorPodProblem(aPod({}, spec));
    if (why === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(why);
  });
});

it('a node may say how large a claim’s volume is, and nothing else', () => {
  const claim = (status: object, labels: object = {}): ApiObject =>
    ({ metadata: { name: 'c', labels }, spec: {}, status }) as unknown as ApiObject;
  const before = claim({ phase: 'Bound', capacity: { storage: '1Gi' } });
  const grown = { phase: 'Bound', capacity: { storage: '2Gi' }, conditions: [] };
  expect(write('persistentvolumeclaims', claim(grown), before)).toBeUndefined();
  for (const other of [claim({ phase: 'Lost' }), claim(grown, { x: 'y' })]) {
    expect(write('persistentvolumeclaims', other, before)).toContain('is not allowed to update');
  }
});
