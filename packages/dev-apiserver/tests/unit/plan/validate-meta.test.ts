import { expect, it } from 'vitest';

import { kindOf } from '../../../src/model/kinds.js';
import type { ApiObject } from '../../../src/model/object.js';
import { validateMeta } from '../../../src/plan/validate-meta.js';

const MAPS = kindOf('', 'configmaps');
const DEFINITIONS = kindOf('apiextensions.k8s.io', 'customresourcedefinitions');

function anObject(metadata: object): ApiObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', ...metadata } };
}

function texts(metadata: object, old?: object, kind = MAPS): readonly string[] {
  const before = old === undefined ? undefined : anObject(old);
  return validateMeta(kind, anObject(metadata), before).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const OWNER = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };
const MAIN = { ...OWNER, controller: true };

it.each<readonly [string, object, readonly (string | RegExp)[]]>([
  ['a good name', {}, []],
  ['a hyphen at the end of generateName', { generateName: 'm-' }, []],
  [
    'upper case in generateName',
    { generateName: 'M-' },
    [/^metadata.generateName: Invalid value: "M-": a lowercase/],
  ],
  [
    'a label key without a name',
    { labels: { 'a.b/': '' } },
    [/name part must be non-empty$/, /name part must consist/],
  ],
  [
    'a label key with an empty prefix',
    { labels: { '/a': '' } },
    [/prefix part must be non-empty$/],
  ],
  ['a label key with two slashes', { labels: { 'a/b/c': '' } }, [/a valid label key must consist/]],
  ['a long label value', { labels: { a: 'x'.repeat(64) } }, [/must be no more than 63 bytes$/]],
  [
    'large annotations',
    { annotations: { a: 'x'.repeat(262_144) } },
    ['metadata.annotations: Too long: may not be more than 262144 bytes'],
  ],
  ['finalizers of a domain and of the API', { finalizers: ['a.b/c', 'foregroundDeletion'] }, []],
  [
    'a finalizer without a domain',
    { finalizers: ['hold'] },
    [
      'metadata.finalizers[0]: Invalid value: "hold": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ],
  [
    'a finalizer that is no name',
    { finalizers: ['a b/c'] },
    [/^metadata.finalizers: Invalid value: "a b\/c": prefix part a lowercase/],
  ],
  ['an owner', { ownerReferences: [OWNER, MAIN] }, []],
  [
    'an owner without a name',
    { ownerReferences: [{ ...OWNER, name: '' }] },
    ['metadata.ownerReferences.name: Invalid value: "": must not be empty'],
  ],
  [
    'two controllers',
    { ownerReferences: [MAIN, { ...MAIN, uid: 'v' }] },
    [
      /Only one reference can have Controller set to true. Found "true" in references for Pod\/p and Pod\/p$/,
    ],
  ],
])('metadata with %s', (_name, metadata, want) => {
  const found = texts(metadata);
  expect(found).toHaveLength(want.length);
  want.forEach((text, index) => {
    if (typeof text === 'string') expect(found[index]).toBe(text);
    else expect(found[index]).toMatch(text);
  });
});

it('lets definitions have any finalizer', () => {
  expect(texts({ finalizers: ['hold'] }, undefined, DEFINITIONS)).toEqual([]);
});

it('lets nobody delay a deletion that has begun', () => {
  const old = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b', 'c/d'] };
  expect(texts({ ...old, finalizers: ['a/b'] }, old)).toEqual([]);
  expect(texts({ ...old, finalizers: ['a/b', 'e/f'] }, old)).toEqual([
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"e/f"}',
  ]);
});
