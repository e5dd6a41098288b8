import { describe, expect, it } from 'vitest';

import { decodeProtobuf } from '../../../src/codec/protobuf.js';

/** Builds messages by hand, from the wire format's definition and not with the decoder's code. */
function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
const int = (number: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(number << 3), varint(value)]);
function bytes(number: number, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint((number << 3) | 2), varint(body.length), body]);
}
function envelope(apiVersion: string, kind: string, ...raw: readonly Buffer[]): Buffer {
  const magic = Buffer.from('6b387300', 'hex');
  const typeMeta = bytes(1, bytes(1, apiVersion), bytes(2, kind));
  return Buffer.concat([magic, typeMeta, bytes(2, ...raw), bytes(3, ''), bytes(4, '')]);
}
const metadata = (name: string): Buffer => bytes(1, bytes(1, name), bytes(2, ''), int(7, 0));

describe(decodeProtobuf, () => {
  it('reads a namespace written byte by byte', () => {
    const hex = [
      '6b387300', // k8s\0
      '0a0f', // 1: TypeMeta, 15 bytes
      '0a027631', // 1: "v1"
      '12094e616d657370616365', // 2: "Namespace"
      '1206', // 2: raw, 6 bytes
      '0a04', // 1: ObjectMeta, 4 bytes
      '0a026e73', // 1: "ns"
    ].join('');
    expect(decodeProtobuf(Buffer.from(hex, 'hex'))).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'ns' },
    });
  });

  it('reads a Service: lists, maps, and ports by number and by name', () => {
    const port = (name: string, number: number, target: Buffer): Buffer =>
      bytes(1, bytes(1, name), bytes(2, 'TCP'), int(3, number), target, int(5, 0));
    const spec = bytes(
      2,
      port('http', 80, bytes(4, int(1, 0), int(2, 8080), bytes(3, ''))),
      port('admin', 81, bytes(4, int(1, 1), int(2, 0), bytes(3, 'admin'))),
      bytes(2, bytes(1, 'app'), bytes(2, 'web')),
      bytes(4, 'NodePort'),
      bytes(3, ''),
      int(12, 0),
    );
    expect(decodeProtobuf(envelope('v1', 'Service', metadata('web'), spec))).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        ports: [
          { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 },
          { name: 'admin', protocol: 'TCP', port: 81, targetPort: 'admin' },
        ],
        selector: { app: 'web' },
        type: 'NodePort',
      },
    });
  });

  it('reads bytes as base64, and times', () => {
    const data = bytes(2, bytes(1, 'key'), bytes(2, Buffer.from([0, 0xff])));
    const created = bytes(1, bytes(1, 's'), bytes(8, int(1, 1_700_000_000)));
    expect(decodeProtobuf(envelope('v1', 'Secret', created, data))).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', creationTimestamp: '2023-11-14T22:13:20Z' },
      data: { key: 'AP8=' },
    });
  });

  it('reads quantities, negative numbers, booleans, and embedded messages', () => {
    const quantity = bytes(1, bytes(1, 'cpu'), bytes(2, bytes(1, '250m')));
    const variable = bytes(7, bytes(1, 'A'), bytes(2, 'b'));
    const mount = bytes(9, bytes(1, 'v'), int(2, 1), bytes(3, '/v'));
    const container = bytes(2, bytes(1, 'c'), bytes(2, 'i:1'), variable, bytes(8, quantity), mount);
    // Volume 1: name, 2: VolumeSource, whose 6 is a secret: embedded, so its fields belong to the
    // volume.
    const volume = bytes(1, bytes(1, 'v'), bytes(2, bytes(6, bytes(1, 'secret'))));
    const spec = bytes(2, volume, container, int(4, -1), int(11, 1));
    expect(decodeProtobuf(envelope('v1', 'Pod', metadata('p'), spec))).toMatchObject({
      spec: {
        volumes: [{ name: 'v', secret: { secretName: 'secret' } }],
        containers: [
          {
            env: [{ name: 'A', value: 'b' }],
            resources: { limits: { cpu: '250m' } },
            volumeMounts: [{ name: 'v', readOnly: true, mountPath: '/v' }],
          },
        ],
        terminationGracePeriodSeconds: -1,
        hostNetwork: true,
      },
    });
  });

  it('skips unknown fields', () => {
    const unknown = [int(999, 5), bytes(998, 'x')];
    const fixed = Buffer.concat([varint((997 << 3) | 5), Buffer.alloc(4)]);
    const wide = Buffer.concat([varint((996 << 3) | 1), Buffer.alloc(8)]);
    const raw = [metadata('n'), ...unknown, fixed, wide];
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', ...raw))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'n' },
    });
  });

  it.each<[title: string, bytes: Buffer, message: string]>([
    ['no magic', Buffer.from('{}'), 'does not appear to be a protobuf message'],
    ['an unknown kind', envelope('v1', 'Gadget'), 'no kind "Gadget" is registered'],
    ['a group wire type', envelope('v1', 'Pod', Buffer.from([0x0b])), 'wire type 3'],
    ['cut off in a string', envelope('v1', 'Pod', Buffer.from([0x0a, 0x7f, 1])), 'truncated'],
    ['cut off in a number', envelope('v1', 'Pod', Buffer.from([0x80])), 'truncated'],
    ['an endless number', envelope('v1', 'Pod', Buffer.alloc(11, 0xff)), 'truncated'],
  ])('refuses %s', (_title, input, message) => {
    expect(() => decodeProtobuf(input)).toThrow(message);
  });

  it('reads a webhook, whose rules are embedded, and a policy, whose rules are so twice', () => {
    const rule = bytes(2, bytes(1, 'apps'), bytes(2, 'v1'), bytes(3, 'deployments'));
    const operations = bytes(1, 'CREATE');
    const webhook = bytes(2, bytes(1, 'a.example.com'), bytes(3, operations, rule));
    const want = {
      ...{ apiGroups: ['apps'], apiVersions: ['v1'] },
      ...{ operations: ['CREATE'], resources: ['deployments'] },
    };
    const group = 'admissionregistration.k8s.io/v1';
    const hooks = envelope(group, 'ValidatingWebhookConfiguration', webhook);
    expect(decodeProtobuf(hooks)['webhooks']).toEqual([{ name: 'a.example.com', rules: [want] }]);
    const named = bytes(3, bytes(1, 'web'), bytes(2, operations, rule));
    const spec = bytes(2, bytes(2, named), bytes(3, bytes(1, 'true')));
    const policy = envelope(group, 'ValidatingAdmissionPolicy', spec);
    expect(decodeProtobuf(policy)['spec']).toEqual({
      matchConstraints: { resourceRules: [{ ...want, resourceNames: ['web'] }] },
      validations: [{ expression: 'true' }],
    });
  });

  it('refuses a kind of which it does not know the numbers', () => {
    const body = envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', metadata('a'));
    expect(() => decodeProtobuf(body)).toThrow(/accepted media types include: application\/json/);
  });
});
