import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { afterAll, describe, expect, it, vi } from 'vitest';

import { connectionFromClientNode } from '../../src/adapters/kubeconfig.js';
import type { Pod } from '../../src/model/generated/api-types.js';

const dir = mkdtempSync(join(tmpdir(), 'client-node-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const PEM = Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64');

function kubeConfig(user: object, cluster: object = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'team' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://api:6443', ...cluster } }],
      users: [{ name: 'u', user }],
    }),
  );
  return config;
}

describe("a connection from client-node's KubeConfig", () => {
  it.each([
    ['a token', { token: 't' }, { token: { kind: 'inline', text: 't' } }],
    [
      'a certificate',
      { 'client-certificate-data': PEM, 'client-key-data': PEM },
      { clientCertificate: { certificate: { kind: 'inline' }, key: { kind: 'inline' } } },
    ],
    [
      'a plug-in',
      {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: 'aws',
          args: ['eks', 'get-token'],
          env: [{ name: 'AWS_PROFILE', value: 'dev' }],
          interactiveMode: 'Never',
        },
      },
      { exec: { command: 'aws', args: ['eks', 'get-token'], env: { AWS_PROFILE: 'dev' } } },
    ],
    ['an impersonated user', { as: 'jane' }, { headers: { 'impersonate-user': 'jane' } }],
  ])('keeps %s', async (_, given, user) => {
    const connection = await connectionFromClientNode(
      kubeConfig(given, { 'certificate-authority-data': PEM, 'tls-server-name': 'kube' }),
    );
    expect(connection).toMatchObject({
      server: 'https://api:6443',
      namespace: 'team',
      tlsServerName: 'kube',
      ca: { kind: 'inline' },
      user,
    });
  });

  it("reads the token of a pod's service account from its file", async () => {
    for (const [name, text] of Object.entries({
      token: 'secret',
      'ca.crt': '-----BEGIN CERTIFICATE-----\n',
      namespace: 'team',
    })) {
      writeFileSync(join(dir, name), text);
    }
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    const config = new KubeConfig();
    config.loadFromCluster();
    const moved = config
      .exportConfig()
      .replaceAll('/var/run/secrets/kubernetes.io/serviceaccount', dir);
    const connection = await connectionFromClientNode({ exportConfig: () => moved });
    expect(connection).toMatchObject({
      server: 'https://[fd00::1]:443',
      ca: { kind: 'file', path: join(dir, 'ca.crt') },
      user: { token: { kind: 'file', path: join(dir, 'token') } },
    });
  });

  it('refuses an auth provider by name', async () => {
    const config = kubeConfig({ 'auth-provider': { name: 'oidc', config: {} } });
    await expect(connectionFromClientNode(config)).rejects.toMatchObject({
      code: 'KUBE_CONFIG',
      message: expect.stringContaining('users[0].user.auth-provider') as string,
    });
  });
});

it('every field of the generated types is one of the library, with a time as text', () => {
  type Wire<T> = T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? Wire<Item>[]
      : T extends object
        ? { [Key in keyof T]: Wire<T[Key]> }
        : T;
  const ours: Pod = { spec: { containers: [{ name: 'web' }] } };
  const theirs: Wire<V1Pod> = ours;
  const back: Pod = theirs;
  expect(back).toBe(ours); // the compiler does the comparison
});
