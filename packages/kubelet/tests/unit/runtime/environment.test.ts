import type { Container, Pod, Service } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { buildEnvironment, environmentSources } from '../../../src/runtime/plan/environment.js';
import { serviceVariables } from '../../../src/runtime/plan/service-variables.js';

const API: Service = {
  metadata: { name: 'kubernetes', namespace: 'default' },
  spec: { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
};
const WEB: Service = {
  metadata: { name: 'my-web', namespace: 'shop' },
  spec: {
    clusterIP: 'fd00::5',
    ports: [{ port: 80 }, { name: 'dns-tcp', port: 53, protocol: 'UDP' }],
  },
};
const HEADLESS: Service = {
  metadata: { name: 'db', namespace: 'shop' },
  spec: { clusterIP: 'None', ports: [{ port: 5432 }] },
};

const pod: Pod = {
  metadata: { name: 'p', namespace: 'shop', uid: 'u1', labels: { app: 'x' } },
  spec: { nodeName: 'n1', serviceAccountName: 'sa', enableServiceLinks: false, containers: [] },
};

function build(
  container: Partial<Container>,
  more: Partial<Parameters<typeof buildEnvironment>[0]> = {},
) {
  const env = buildEnvironment({
    pod,
    container: { name: 'c', ...container },
    fields: {
      node: { hostIps: ['192.0.2.1'], allocatable: { cpu: '4', memory: '8Gi' } },
      podIps: ['10.1.0.7', 'fd00::7'],
    },
    configMaps: new Map([['cm', { data: { KEY: 'from-map', 'bad key': 'kept' } }]]),
    secrets: new Map([['s', { data: { PASS: Buffer.from('geheim').toString('base64') } }]]),
    services: [],
    ...more,
  });
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

describe(buildEnvironment, () => {
  it('variables that double with every step are limited to a few mebibytes', () => {
    const doubling = Array.from({ length: 60 }, (_, at) => ({
      name: `V${at + 1}`,
      value: `$(V${at})$(V${at})`,
    }));
    const values = build({ env: [{ name: 'V0', value: 'x' }, ...doubling] });
    expect(values['V10']).toBe('x'.repeat(1024));
    const total = Object.values(values).reduce((sum, value) => sum + String(value).length, 0);
    expect(total).toBeLessThan(2 ** 23);
  });

  it('later entries win, and see only earlier ones', () => {
    const env = [
      { name: 'A', value: '$(B)' },
      { name: 'B', value: 'b' },
      { name: 'C', value: '$(B)-$(KEY)' },
      { name: 'KEY', value: 'own' },
    ];
    expect(build({ envFrom: [{ configMapRef: { name: 'cm' } }], env })).toEqual({
      'bad key': 'kept',
      A: '$(B)',
      B: 'b',
      C: 'b-from-map',
      KEY: 'own',
    });
  });

  it('prefixes whole objects and reads secrets as text', () => {
    expect(build({ envFrom: [{ prefix: 'P_', secretRef: { name: 's' } }] })).toEqual({
      P_PASS: 'geheim',
    });
  });

  it('keeps bytes that are not text', () => {
    const secrets = new Map([['s', { data: { RAW: '//79' } }]]);
    const { RAW } = build({ envFrom: [{ secretRef: { name: 's' } }] }, { secrets });
    expect(RAW).toEqual(Buffer.from([0xff, 0xfe, 0xfd]));
  });

  const fields: readonly (readonly [string, string])[] = [
    ['metadata.name', 'p'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u1'],
    ["metadata.labels['app']", 'x'],
    ["metadata.annotations['none']", ''],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'sa'],
    ['status.hostIP', '192.0.2.1'],
    ['status.podIP', '10.1.0.7'],
    ['status.podIPs', '10.1.0.7,fd00::7'],
  ];
  it.each(fields)('fieldRef %s is %s', (fieldPath, want) => {
    expect(build({ env: [{ name: 'F', valueFrom: { fieldRef: { fieldPath } } }] })).toEqual({
      F: want,
    });
  });

  const resources: readonly (readonly [string, string | undefined, string])[] = [
    ['limits.cpu', undefined, '1'],
    ['limits.cpu', '1m', '250'],
    ['requests.memory', '1Mi', '64'],
    ['limits.memory', '1Gi', '8'],
    ['requests.cpu', undefined, '0'],
  ];
  it.each(resources)('resourceFieldRef %s in units of %s is %s', (resource, divisor, want) => {
    const ref = { resource, ...(divisor !== undefined && { divisor }) };
    const env = [{ name: 'R', valueFrom: { resourceFieldRef: ref } }];
    const limits = { limits: { cpu: '250m' }, requests: { memory: '64Mi' } };
    expect(build({ env, resources: limits })).toEqual({ R: want });
  });

  it.each([
    ['limits.cpu', '4'],
    ['limits.memory', '3'],
    ['limits.ephemeral-storage', '0'],
  ])('an unset %s is taken from the pod or the node: %s', (resource, want) => {
    const divisor = resource === 'limits.memory' ? '1Gi' : '1';
    const env = [{ name: 'R', valueFrom: { resourceFieldRef: { resource, divisor } } }];
    const spec = { ...pod.spec!, resources: { limits: { memory: '3Gi' } } };
    expect(build({ env }, { pod: { ...pod, spec } })).toEqual({ R: want });
  });

  it('reads only an init container’s own limits', () => {
    const ref = { resource: 'limits.cpu', containerName: 'i' };
    const env = [{ name: 'R', valueFrom: { resourceFieldRef: ref } }];
    const spec = { ...pod.spec!, initContainers: [{ name: 'i' }] };
    expect(build({ env }, { pod: { ...pod, spec } })).toEqual({ R: '0' });
  });

  const refused: readonly (readonly [string, Partial<Container>, string])[] = [
    [
      'a missing key',
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'no' } } }] },
      "couldn't find key no in ConfigMap shop/cm",
    ],
    [
      'a missing secret',
      { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'gone', key: 'k' } } }] },
      'secret "gone" not found',
    ],
    [
      'a missing map',
      { envFrom: [{ configMapRef: { name: 'gone' } }] },
      'configmap "gone" not found',
    ],
  ];
  it.each(refused)('refuses %s', (_, container, message) => {
    expect(() => build(container)).toThrow(message);
  });

  it.each(['constructor', 'valueOf', '__proto__'])(
    'finds no value for the inherited key %s',
    (key) => {
      const fieldPath = `metadata.labels['${key}']`;
      const valueFrom = [
        { fieldRef: { fieldPath } },
        { configMapKeyRef: { name: 'cm', key, optional: true } },
        { secretKeyRef: { name: 's', key, optional: true } },
      ];
      const env = valueFrom.map((from, at) => ({ name: `V${at}`, valueFrom: from }));
      expect(build({ env })).toEqual({ V0: '' });
    },
  );

  it.each<[string, Partial<Container>]>([
    ['a config map', { envFrom: [{ configMapRef: { name: 'odd' } }] }],
    ['a secret', { envFrom: [{ secretRef: { name: 'odd' } }] }],
    [
      'a key of a config map',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'odd', key: 'N' } } }] },
    ],
    [
      'a key of a secret',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'odd', key: 'N' } } }] },
    ],
  ])('refuses %s whose value is not a string', (_, container) => {
    const odd = new Map([['odd', { data: { N: 1 } as unknown as Record<string, string> }]]);
    expect(() => build(container, { configMaps: odd, secrets: odd })).toThrow(
      expect.objectContaining({
        reason: 'CreateContainerConfigError',
        message: 'the value of key N is not a string',
      }),
    );
  });

  it('omits optional objects that are missing', () => {
    const ref = { name: 'gone', key: 'k', optional: true };
    const env = [{ name: 'X', valueFrom: { secretKeyRef: ref } }];
    expect(build({ env, envFrom: [{ configMapRef: { name: 'no', optional: true } }] })).toEqual({});
  });

  it('waits for the first list of services', () => {
    expect(() => build({}, { services: undefined })).toThrow('services have not yet been read');
  });

  it('prefers the container’s variables to those of services', () => {
    const env = [{ name: 'KUBERNETES_SERVICE_HOST', value: 'mine' }];
    expect(build({ env }, { services: [API] })).toMatchObject({
      KUBERNETES_SERVICE_HOST: 'mine',
      KUBERNETES_SERVICE_PORT: '443',
    });
  });
});

describe(serviceVariables, () => {
  it('contains only the API server without service links', () => {
    expect(Object.fromEntries(serviceVariables([API, WEB], 'shop', false))).toEqual({
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.0.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.0.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.0.0.1',
    });
  });

  it('brackets IPv6 in URLs only, and skips headless services', () => {
    const found = serviceVariables([WEB, HEADLESS], 'shop', true);
    expect(found.get('MY_WEB_PORT')).toBe('tcp://[fd00::5]:80');
    expect(found.get('MY_WEB_PORT_53_UDP_ADDR')).toBe('fd00::5');
    expect(found.get('MY_WEB_SERVICE_PORT_DNS_TCP')).toBe('53');
    expect([...found.keys()].filter((name) => name.startsWith('DB'))).toEqual([]);
  });
});

describe(environmentSources, () => {
  it('names each object once', () => {
    const from = { configMapKeyRef: { name: 'cm', key: 'a' } };
    const container: Container = {
      name: 'c',
      envFrom: [{ configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
      env: [{ name: 'A', valueFrom: from }],
    };
    expect(environmentSources(container)).toEqual({
      configMaps: ['cm'],
      secrets: ['s'],
      files: [],
    });
  });
});
