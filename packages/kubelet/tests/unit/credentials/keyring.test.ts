import { describe, expect, it } from 'vitest';

import {
  type KeyringEntry,
  matchesImage,
  matchingEntries,
  secretEntries,
} from '../../../src/credentials/plan/keyring.js';

const entry = (key: string): KeyringEntry => ({
  key,
  auth: { username: key, password: 'x', identityToken: undefined },
});
const keysFor = (repository: string, ...keys: readonly string[]): readonly string[] =>
  matchingEntries(keys.map(entry), repository).map(({ key }) => key);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const pullSecret = (auths: object) =>
  secretEntries({
    metadata: { name: 'pull', namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
  });

describe(matchingEntries, () => {
  // cases after Kubernetes 1.36 pkg/credentialprovider/keyring.go, URLsMatch
  it.each([
    ['*.example.com', 'a.example.com/team/app', true],
    ['*.example.com', 'a.b.example.com/app', false],
    ['*.*.example.com', 'a.b.example.com/app', true],
    ['prefix.*.io', 'prefix.kubernetes.io/app', true],
    ['prefix*.kubernetes.io', 'prefixmoredata.kubernetes.io/app', true],
    ['*suffix.kubernetes.io', 'prefix.kubernetes.io/app', false],
    ['*.example.com:5000', 'a.example.com:5000/app', true],
    ['*.example.com:5000', 'a.example.com/app', false],
    ['a?c.example.com', 'abc.example.com/app', true],
    ['[a-c]x.example.com', 'bx.example.com/app', true],
    ['[^a-c]x.example.com', 'bx.example.com/app', false],
    ['\\*.example.com', 'a.example.com/app', false],
    ['[a-.example.com', 'a.example.com/app', false],
    ['a[].example.com', 'a.example.com/app', false],
    ['a\\.example.com', 'a.example.com/app', false],
    ['(a|b).example.com', 'a.example.com/app', false],
    ['https://index.docker.io/v1/', 'docker.io/library/busybox', true],
    ['registry.example.com/team', 'registry.example.com/team/app', true],
    ['registry.example.com/team', 'registry.example.com/other', false],
  ] as const)('the key %j matches %j: %s', (key, repository, answer) =>
    expect(keysFor(repository, key)).toEqual(answer ? [key] : []),
  );

  it('a key of many stars takes linear time', () => {
    const label = 'a'.repeat(63);
    const stars = `${'*a'.repeat(25)}b.example.com`;
    expect(keysFor(`${label}.example.com/app`, stars, '*.example.com')).toEqual(['*.example.com']);
    expect(matchesImage(stars, `${label}.example.com/app`)).toBe(false);
  });

  it('a key of a mebibyte takes linear time', () => {
    const label = 'a'.repeat(63);
    for (const key of ['*a', '[', ':1', '\\*', '.', '[a-z]']) {
      const long = key.repeat(2 ** 20 / key.length);
      expect(keysFor(`${label}.example.com/app`, `${long}!.example.com`)).toEqual([]);
    }
  });
});

describe(secretEntries, () => {
  it('zeros at the end of a password are padding', () => {
    const auths = { 'a.io': { auth: base64('user:secret\0\0') } };
    expect(pullSecret(auths)).toMatchObject([{ auth: { username: 'user', password: 'secret' } }]);
  });

  it('a password of a mebibyte of zeros takes linear time', () => {
    const password = `${'\0'.repeat(2 ** 20)}x`;
    const auths = { 'a.io': { auth: base64(`user:${password}`) } };
    expect(pullSecret(auths)[0]?.auth.password).toBe(password);
  });
});
