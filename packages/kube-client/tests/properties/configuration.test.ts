import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { loadKubeconfig } from '../../src/adapters/kubeconfig.js';
import { parseExecCredential } from '../../src/codec/exec-credential.js';
import {
  mergeKubeconfigs,
  parseKubeconfig,
  resolveConnection,
} from '../../src/codec/kubeconfig.js';
import { isKubeError } from '../../src/index.js';

const CA = Buffer.from('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n').toString(
  'base64',
);

const KUBECONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'node',
  preferences: {},
  clusters: [
    {
      name: 'here',
      cluster: { server: 'https://10.0.0.1:6443', 'certificate-authority-data': CA },
    },
    {
      name: 'there',
      cluster: {
        server: 'https://there',
        'insecure-skip-tls-verify': true,
        'proxy-url': 'http://proxy:3128',
        'tls-server-name': 'kubernetes',
      },
    },
  ],
  contexts: [
    { name: 'node', context: { cluster: 'here', user: 'kubelet', namespace: 'default' } },
    { name: 'admin', context: { cluster: 'there', user: 'admin' } },
  ],
  users: [
    {
      name: 'kubelet',
      user: {
        'client-certificate-data': CA,
        'client-key-data': CA,
        as: 'root',
        'as-groups': ['system:masters'],
        'as-user-extra': { reason: ['a', 'b'] },
      },
    },
    {
      name: 'admin',
      user: {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: './login',
          args: ['get-token'],
          env: [{ name: 'A', value: 'b' }],
          interactiveMode: 'Never',
          provideClusterInfo: true,
        },
      },
    },
    { name: 'basic', user: { username: 'u', password: 'p' } },
    { name: 'token', user: { token: 'secret' } },
  ],
};

const TEXT = `apiVersion: v1
kind: Config
current-context: node
clusters:
- name: here
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: ${CA}
contexts:
- name: node
  context: &context
    cluster: here
    user: token
- name: twin
  context: *context
users:
- name: token
  user: {token: "se\\u0063ret"}
`;

const CREDENTIAL = {
  apiVersion: 'client.authentication.k8s.io/v1',
  kind: 'ExecCredential',
  status: {
    token: 't',
    expirationTimestamp: '2026-11-22T20:55:23Z',
    clientCertificateData: CA,
    clientKeyData: CA,
  },
};

describe('Configuration of a client', () => {
  test('every parsed kubeconfig gives connections or a KubeError', () =>
    checkReader({
      name: 'parseKubeconfig',
      inputs: mutatedTrees([KUBECONFIG]),
      read: (content) => {
        const config = mergeKubeconfigs([
          parseKubeconfig({ file: '/etc/kubernetes/x.conf', content }),
        ]);
        for (const context of [...config.contexts.keys(), undefined]) {
          const choice = context === undefined ? {} : { context };
          const { server, user } = resolveConnection(config, 'kubeconfig', choice);
          assert.match(server, /^https?:\/\//);
          for (const value of Object.values(user.headers ?? {}).flat())
            assert.equal(typeof value, 'string');
          for (const value of Object.values(user.exec?.env ?? {}))
            assert.equal(typeof value, 'string');
        }
      },
      refuses: isKubeError,
      share: 2500,
    }));

  test('every reply of a credential plug-in is a credential or a KubeError', () => {
    const what = 'plug-in ./login';
    return checkReader({
      name: 'parseExecCredential',
      inputs: oneOf(
        mapped(mutatedTrees([CREDENTIAL]), text),
        mutatedTexts([JSON.stringify(CREDENTIAL)]),
      ),
      read: (reply) => {
        const { credential, expires } = parseExecCredential(reply, CREDENTIAL.apiVersion, what);
        assert.ok(
          credential.authorization !== undefined || credential.certificatePem !== undefined,
        );
        if (expires !== undefined) assert.equal(typeof expires, 'string');
      },
      refuses: isKubeError,
    });
  });

  describe('in a file', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test('every kubeconfig file gives a connection or a KubeError', () =>
      checkReader({
        name: 'loadKubeconfig',
        inputs: mutatedTexts([TEXT, JSON.stringify(KUBECONFIG, undefined, 1)]),
        read: async (content) => {
          const path = join(folder, 'config');
          await writeFile(path, content);
          const { server } = await loadKubeconfig({ path, env: {} });
          assert.match(server, /^https?:\/\//);
        },
        refuses: isKubeError,
        share: 400, // one file each
      }));
  });
});

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return '['.repeat(10_000);
  }
}
