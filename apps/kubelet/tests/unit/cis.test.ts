import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { parseFlags } from '@nodeagent/component-base';
import { type KubeletConfig, parseKubeletConfig } from '@nodeagent/kubelet';
import { readConfigFiles } from '@nodeagent/kubelet/adapters';
import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/flags.js';
import { type Options, readOptions } from '../../src/options.js';

const DEPLOY = resolve(import.meta.dirname, '../../../../deploy/systemd');
const STRONG =
  /^(TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305)|ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM|CHACHA20))/;

/** The options of the shipped systemd unit with the shipped configuration file. */
async function shippedOptions(): Promise<Options> {
  const unit = await readFile(join(DEPLOY, 'kubelet.service'), 'utf8');
  const [, command = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit) ?? [];
  const [, ...argv] = command.split(/[\s\\]+/);
  expect(argv).toContain('--config=/var/lib/kubelet/config.yaml');
  const flags = parseFlags(FLAGS, argv);
  return readOptions(flags, 'node-1', () =>
    readConfigFiles(join(DEPLOY, 'kubelet.yaml'), undefined),
  );
}

function fileOf(value: object): KubeletConfig {
  const envelope = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
  const file = { value: { ...envelope, ...value }, directory: '/' };
  return parseKubeletConfig({ file, dropIns: [], flags: {}, source: 'config.yaml' }).config;
}

/**
 * Checks by their number in the CIS Kubernetes Benchmark; `byDefault` marks those that defaults
 * pass.
 */
const CHECKS: readonly Readonly<{
  id: string;
  title: string;
  byDefault: boolean;
  holds: (config: KubeletConfig) => boolean;
}>[] = [
  {
    id: '4.2.1',
    title: 'anonymous requests are refused',
    byDefault: true,
    holds: (c) => !c.authentication.anonymous.enabled,
  },
  {
    id: '4.2.2',
    title: 'requests are authorized',
    byDefault: true,
    holds: (c) => c.authorization.mode === 'Webhook',
  },
  {
    id: '4.2.3',
    title: 'client certificates are verified with a CA',
    byDefault: false,
    holds: (c) => c.authentication.x509.clientCAFile !== '',
  },
  {
    id: '4.2.4',
    title: 'there is no read-only port',
    byDefault: true,
    holds: (c) => c.readOnlyPort === 0,
  },
  {
    id: '4.2.5',
    title: 'idle streams time out',
    byDefault: true,
    holds: (c) => c.streamingConnectionIdleTimeoutMs > 0,
  },
  {
    id: '4.2.6',
    title: 'iptables chains are created',
    byDefault: true,
    holds: (c) => c.makeIPTablesUtilChains,
  },
  {
    id: '4.2.8',
    title: 'events are limited, but not to zero',
    byDefault: true,
    holds: (c) => c.eventRecordQPS > 0,
  },
  {
    id: '4.2.9',
    title: 'the serving certificate can be verified',
    byDefault: false,
    holds: (c) => c.serverTLSBootstrap || (c.tlsCertFile !== '' && c.tlsPrivateKeyFile !== ''),
  },
  {
    id: '4.2.10',
    title: 'client certificates are rotated',
    byDefault: false,
    holds: (c) => c.rotateCertificates,
  },
  {
    id: '4.2.11',
    title: 'serving certificates are rotated',
    byDefault: false,
    holds: (c) => c.serverTLSBootstrap && c.features.RotateKubeletServerCertificate,
  },
  {
    id: '4.2.12',
    title: 'only strong ciphers are offered, from TLS 1.2 on',
    byDefault: true,
    holds: (c) => {
      const { ciphers, minVersion } = c.tls;
      return (
        /^TLSv1\.[23]$/.test(minVersion) && ciphers.split(':').every((one) => STRONG.test(one))
      );
    },
  },
  {
    id: '4.2.13',
    title: 'a pod has a bounded number of processes',
    byDefault: false,
    holds: (c) => c.podPidsLimit > 0,
  },
  {
    id: '4.2.14',
    title: 'system calls are filtered by default',
    byDefault: false,
    holds: (c) => c.seccompDefault,
  },
];

describe('the CIS benchmark’s checks of the kubelet', () => {
  it.each(CHECKS)('$id holds for the shipped files: $title', async ({ holds }) => {
    expect(holds((await shippedOptions()).config)).toBe(true);
  });

  it.each(CHECKS.filter(({ byDefault }) => byDefault))(
    '$id holds for an empty file: $title',
    ({ holds }) => expect(holds(fileOf({}))).toBe(true),
  );

  it.each([
    ['4.2.1', { authentication: { anonymous: { enabled: true } } }],
    ['4.2.2', { authorization: { mode: 'AlwaysAllow' } }],
    ['4.2.4', { readOnlyPort: 10_255 }],
    ['4.2.12', { tlsCipherSuites: ['TLS_RSA_WITH_AES_128_CBC_SHA'] }],
    ['4.2.12', { tlsMinVersion: 'VersionTLS10' }],
  ])('%s fails for %j', (id, value) => {
    expect(CHECKS.find((one) => one.id === id)?.holds(fileOf(value))).toBe(false);
  });

  it('4.2.7: the node is named after its machine', async () => {
    expect((await shippedOptions()).nodeName).toBe('node-1');
    expect((await shippedOptions()).flags).not.toHaveProperty('hostname-override');
  });
});
