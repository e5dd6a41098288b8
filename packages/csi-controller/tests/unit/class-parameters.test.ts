import { expect, it } from 'vitest';

import { readParameters } from '../../src/plan/class-parameters.js';
import { aClaim } from './cluster.js';

const claim = aClaim('c', {}, { 'example.com/key': 'k' });
const secret = (name: string, namespace = 'b') => ({
  'csi.storage.k8s.io/node-stage-secret-name': name,
  'csi.storage.k8s.io/node-stage-secret-namespace': namespace,
});

it.each([
  ['plain', 'b', { name: 'plain', namespace: 'b' }],
  ['of-${pvc.name}-in-${pvc.namespace}', 'b', { name: 'of-c-in-a', namespace: 'b' }],
  ['${pv.name}', '${pvc.namespace}', { name: 'v', namespace: 'a' }],
  ["${pvc.annotations['example.com/key']}", 'b', { name: 'k', namespace: 'b' }],
])('the secret %s in %s depends on the claim', (name, namespace, want) => {
  const { secrets } = readParameters(secret(name, namespace), claim, 'v');
  expect(secrets['node-stage']).toEqual(want);
});

it.each([
  ['an unknown token', secret('${pvc.uid}')],
  ['a token without its end', secret('${pvc.name')],
  ['an annotation that is not there', secret("${pvc.annotations['other']}")],
  ['an annotation in a namespace', secret('x', "${pvc.annotations['example.com/key']}")],
  ['a name without a namespace', { 'csi.storage.k8s.io/node-stage-secret-name': 'x' }],
  ['an unknown parameter', { 'csi.storage.k8s.io/unknown': 'x' }],
])('%s is refused', (_, parameters) => {
  expect(() => readParameters(parameters, claim, 'v')).toThrow('parameter csi.storage.k8s.io/');
});
