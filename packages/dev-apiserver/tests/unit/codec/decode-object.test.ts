import { describe, expect, it } from 'vitest';

import { decodeObject } from '../../../src/codec/decode-object.js';
import { kindOf } from '../../../src/model/kinds.js';

const PODS = kindOf('', 'pods');
const SECRETS = kindOf('', 'secrets');

const withCpu = (cpu: unknown): object => ({
  spec: { containers: [{ name: 'c', resources: { limits: { cpu } } }] },
});

describe(decodeObject, () => {
  it.each([['100m'], ['1.5'], ['2Gi'], ['1e3'], [2]])('accepts %j as a quantity', (cpu) => {
    const { object } = decodeObject(PODS, withCpu(cpu) as never);
    expect(object).toMatchObject(withCpu(String(cpu)));
  });

  it.each([['much'], [''], ['1 Gi'], ['1GB'], ['--1']])('refuses %j as a quantity', (cpu) => {
    const decode = (): unknown => decodeObject(PODS, withCpu(cpu) as never);
    expect(decode).toThrow('Pod in version "v1" cannot be handled as a Pod: quantities must match');
  });

  it.each([['YQ=='], [''], ['YWI='], ['YWJj']])('accepts %j as bytes', (a) => {
    expect(decodeObject(SECRETS, { data: { a } }).object).toEqual({ data: { a } });
  });

  it.each([['!!'], ['YQ'], ['YQ=='.repeat(2)]])('refuses %j as bytes', (a) => {
    const decode = (): unknown => decodeObject(SECRETS, { data: { a } });
    expect(decode).toThrow('Secret in version "v1" cannot be handled as a Secret: illegal base64');
  });

  it.each([
    ['a text in a map', { metadata: { labels: { a: null } } }, { metadata: { labels: { a: '' } } }],
    ['bytes in a map', { data: { a: null } }, { data: { a: null } }],
    [
      'an object in a list',
      { metadata: { ownerReferences: [null] } },
      { metadata: { ownerReferences: [{}] } },
    ],
    ['a text in a list', { metadata: { finalizers: [null] } }, { metadata: { finalizers: [''] } }],
    ['a field', { metadata: { labels: null } }, { metadata: {} }],
  ])('reads a null for %s as Go does', (_, body, want) => {
    expect(decodeObject(SECRETS, body).object).toEqual(want);
  });

  it('reads a null for an amount as zero', () => {
    expect(decodeObject(PODS, withCpu(null) as never).object).toEqual(withCpu('0'));
  });
});
