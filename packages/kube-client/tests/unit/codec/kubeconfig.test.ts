import { describe, expect, it } from 'vitest';

import {
  type Kubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  resolveConnection,
} from '../../../src/codec/kubeconfig.js';

const PEM = Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64');

function parse(content: unknown): Kubeconfig {
  return parseKubeconfig({ file: '/etc/k/config', content });
}

function withUser(user: unknown, cluster: unknown = { server: 'https://h:6443' }): Kubeconfig {
  return parse({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user }],
  });
}

function messageOf(action: () => unknown): string {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe(parseKubeconfig, () => {
  it('reads every way to authenticate', () => {
    const users = {
      pair: { 'client-certificate': 'pki/c.pem', 'client-key': '/k.pem' },
      data: { 'client-certificate-data': PEM, 'client-key-data': PEM },
      token: { token: 't' },
      file: { token: 'ignored', tokenFile: 'tok' },
      basic: { username: 'u', password: 'p' },
      exec: {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1beta1',
          command: 'aws',
          args: ['eks'],
          env: [{ name: 'A', value: 'b' }],
          installHint: 'hint',
          provideClusterInfo: true,
        },
      },
      other: { as: 'jane', 'as-groups': ['g'], 'as-user-extra': { Scope: ['x'] } },
    };
    const list = Object.entries(users).map(([name, user]) => ({ name, user }));
    const pem = { kind: 'inline', text: '-----BEGIN CERTIFICATE-----\n' };
    expect(Object.fromEntries(parse({ users: list }).users)).toEqual({
      pair: {
        clientCertificate: {
          certificate: { kind: 'file', path: '/etc/k/pki/c.pem' },
          key: { kind: 'file', path: '/k.pem' },
        },
      },
      data: { clientCertificate: { certificate: pem, key: pem } },
      token: { token: { kind: 'inline', text: 't' } },
      file: { token: { kind: 'file', path: '/etc/k/tok' } },
      basic: { basic: { username: 'u', password: 'p' } },
      exec: {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1beta1',
          command: 'aws',
          args: ['eks'],
          env: { A: 'b' },
          installHint: 'hint',
          provideClusterInfo: true,
        },
      },
      other: {
        headers: {
          'impersonate-user': 'jane',
          'impersonate-group': ['g'],
          'impersonate-extra-scope': ['x'],
        },
      },
    });
  });

  it('reports all problems together, each with its field', () => {
    const content = {
      clusters: [
        {
          name: 'a',
          cluster: { server: 5, 'certificate-authority-data': '!', 'proxy-url': 'socks5://x' },
        },
        { cluster: { 'insecure-skip-tls-verify': 'yes' } },
      ],
      users: [
        { name: 'u', user: { 'client-certificate': 'c', token: 't', username: 'x' } },
        { name: 'v', user: { exec: { apiVersion: 'v9' }, 'auth-provider': { name: 'oidc' } } },
      ],
      contexts: { name: 'c' },
    };
    expect(messageOf(() => parse(content))).toBe(`kubeconfig /etc/k/config:
  clusters[0].cluster.certificate-authority-data: must be base64 of PEM text
  clusters[0].cluster.proxy-url: only http:// proxies are supported
  clusters[0].cluster.server: must be a text
  clusters[1].name: is required
  clusters[1].cluster.insecure-skip-tls-verify: must be true or false
  users[0].user.client-key: is required
  users[0].user: has more than one way to authenticate: token, username
  users[1].user.exec.apiVersion: must be one of client.authentication.k8s.io/v1, client.authentication.k8s.io/v1beta1
  users[1].user.exec.command: is required
  users[1].user.auth-provider: is no longer supported: use exec
  contexts: must be a list`);
  });
});

describe(resolveConnection, () => {
  it('follows the current context', () => {
    const ca = { 'certificate-authority': 'ca.crt', 'tls-server-name': 'kube' };
    const config = withUser({ token: 't' }, { server: 'h:6443', ...ca });
    expect(resolveConnection(config, 'kubeconfig f')).toEqual({
      server: 'https://h:6443',
      source: 'kubeconfig f, context "c"',
      ca: { kind: 'file', path: '/etc/k/ca.crt' },
      tlsServerName: 'kube',
      user: { token: { kind: 'inline', text: 't' } },
    });
  });

  it.each([
    [{}, 'current-context: is required; none is defined'],
    [{ 'current-context': 'x' }, 'current-context: there is no context "x"; none is defined'],
    [
      {
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'x', user: 'y' } }],
        users: [{ name: 'z' }],
      },
      '\n  contexts[0].context.cluster: there is no cluster "x"; none is defined' +
        '\n  contexts[0].context.user: there is no user "y"; defined are: z',
    ],
  ])('refuses %j', (content, problem) => {
    const message = messageOf(() => resolveConnection(parse(content), 'kubeconfig f'));
    expect(message.replace(/^kubeconfig f: ?/, '')).toBe(problem);
  });

  it.each([
    [{}, 'clusters[0].cluster.server: is required'],
    [{ server: 'ftp://x' }, 'clusters[0].cluster.server: "ftp://x" is not an http or https URL'],
  ])('refuses the cluster %j', (cluster, problem) => {
    const message = messageOf(() => resolveConnection(withUser({}, cluster), 'f'));
    expect(message).toBe(`f: ${problem}`);
  });
});

it('merges files: the first file that defines a name wins', () => {
  const one = withUser({ token: 'one' });
  const two = parse({
    'current-context': 'other',
    users: [{ name: 'u', user: { token: 'two' } }, { name: 'extra' }],
  });
  const merged = mergeKubeconfigs([one, two]);
  expect(merged.currentContext).toBe('c');
  expect(merged.users.get('u')?.token).toEqual({ kind: 'inline', text: 'one' });
  expect([...merged.users.keys()].sort()).toEqual(['extra', 'u']);
});
