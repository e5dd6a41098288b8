import { describe, expect, it } from 'vitest';

import { runtime } from '../../src/adapters/generated/runtime-v1.js';
import {
  decodeContainerStatus,
  encodeContainerConfig,
  encodeContainerFilter,
} from '../../src/codec/container.js';
import { decodeContainerEvent } from '../../src/codec/event.js';
import { decodeImage, encodeAuth, encodeImageSpec } from '../../src/codec/image.js';
import { encodeContainerSecurity, encodeResources } from '../../src/codec/linux.js';
import { decodeRuntimeConfiguration, decodeRuntimeStatus } from '../../src/codec/runtime.js';
import { decodeSandboxStatusReply, encodeSandboxConfig } from '../../src/codec/sandbox.js';
import { decodeContainerStats, decodeSandboxMetrics } from '../../src/codec/stats.js';
import { containerId, sandboxId } from '../../src/index.js';

const { v1 } = runtime;

/*
 * Protobuf encoded by hand from field numbers alone, so that the expected bytes do not depend on
 * the generated code. https://protobuf.dev/programming-guides/encoding/
 */
type Bytes = readonly number[];
const varint = (value: bigint): Bytes => {
  const left = BigInt.asUintN(64, value);
  return left < 128n ? [Number(left)] : [Number(left & 127n) | 128, ...varint(left >> 7n)];
};
/** Integer, enum or bool. */
const num = (field: number, value: number | bigint | boolean): Bytes => [
  ...varint(BigInt(field) << 3n),
  ...varint(BigInt(value)),
];
/** String, bytes or message. */
const part = (field: number, content: string | Bytes): Bytes => {
  const bytes = typeof content === 'string' ? [...Buffer.from(content)] : content;
  return [...varint((BigInt(field) << 3n) | 2n), ...varint(BigInt(bytes.length)), ...bytes];
};
const double = (field: number, value: number): Bytes => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...varint((BigInt(field) << 3n) | 1n), ...bytes];
};
const pair = (field: number, key: string, value: string): Bytes =>
  part(field, [...part(1, key), ...part(2, value)]);

/** Compares both sides field by field, because fields may come in any order on the wire. */
function fields(bytes: Uint8Array | Bytes): string[] {
  const all = Buffer.from(bytes);
  const found: string[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = all[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < all.length) {
    const start = at;
    const wireType = readVarint() & 7;
    if (wireType === 0) readVarint();
    else if (wireType === 1) at += 8;
    else at += readVarint();
    found.push(all.subarray(start, at).toString('hex'));
  }
  return found.sort();
}

interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
}

function expectBytes<T>(type: MessageType<T>, message: T, want: Bytes): void {
  expect(fields(type.encode(message).finish())).toEqual(fields(want));
}

describe('requests', () => {
  it('ImageSpec', () => {
    const spec = {
      image: 'i',
      annotations: { k: 'v' },
      userSpecifiedImage: 'u',
      runtimeHandler: 'h',
      imageRef: 'r',
    };
    const want = [
      ...part(1, 'i'),
      ...pair(2, 'k', 'v'),
      ...part(18, 'u'),
      ...part(19, 'h'),
      ...part(20, 'r'),
    ];
    expectBytes(v1.ImageSpec, encodeImageSpec(spec), want);
  });

  it('AuthConfig', () => {
    const auth = {
      username: 'u',
      password: 'p',
      auth: 'a',
      serverAddress: 's',
      identityToken: 'i',
      registryToken: 'r',
    };
    const want = ['u', 'p', 'a', 's', 'i', 'r'].flatMap((text, i) => part(i + 1, text));
    expectBytes(v1.AuthConfig, encodeAuth(auth), want);
  });

  it('LinuxContainerResources, with a quota below zero', () => {
    const resources = {
      cpuPeriodUs: 100_000,
      cpuQuotaUs: -1,
      cpuShares: 2,
      memoryLimitBytes: 2 ** 40,
      oomScoreAdj: -997,
      cpusetCpus: '0-1',
      cpusetMems: '0',
      hugepageLimits: [{ pageSize: '2MB', limitBytes: 1 }],
      unified: { 'memory.high': 'max' },
      memorySwapLimitBytes: 7,
    };
    const want = [
      ...num(1, 100_000),
      ...num(2, -1),
      ...num(3, 2),
      ...num(4, 2 ** 40),
      ...num(5, -997),
      ...part(6, '0-1'),
      ...part(7, '0'),
      ...part(8, [...part(1, '2MB'), ...num(2, 1)]),
      ...pair(9, 'memory.high', 'max'),
      ...num(10, 7),
    ];
    expectBytes(v1.LinuxContainerResources, encodeResources(resources), want);
  });

  it('LinuxContainerSecurityContext: uid 0 is sent, absent is not', () => {
    const context = {
      capabilities: { add: ['A'], drop: ['B'], addAmbient: ['C'] },
      privileged: true,
      namespaces: {
        network: 'node',
        pid: 'target',
        ipc: 'container',
        targetId: 't',
        user: { mode: 'node', uids: [{ hostId: 9, containerId: 0, length: 1 }] },
      },
      selinux: { user: 'u', role: 'r', type: 't', level: 'l' },
      runAsUser: 0,
      runAsGroup: 5,
      runAsUsername: 'n',
      readOnlyRootfs: true,
      supplementalGroups: [1, 2],
      supplementalGroupsPolicy: 'strict',
      noNewPrivileges: true,
      maskedPaths: ['/m'],
      readOnlyPaths: ['/r'],
      seccomp: { kind: 'localhost', ref: '/s' },
      apparmor: { kind: 'unconfined' },
      apparmorProfile: 'unconfined',
      seccompProfilePath: 'x',
    } as const;
    const mapping = [...num(1, 9), ...num(3, 1)];
    const want = [
      ...part(1, [...part(1, 'A'), ...part(2, 'B'), ...part(3, 'C')]),
      ...num(2, 1),
      ...part(3, [
        ...num(1, 2),
        ...num(2, 3),
        ...num(3, 1),
        ...part(4, 't'),
        ...part(5, [...num(1, 2), ...part(2, mapping)]),
      ]),
      ...part(4, [...part(1, 'u'), ...part(2, 'r'), ...part(3, 't'), ...part(4, 'l')]),
      ...part(5, []),
      ...part(6, 'n'),
      ...num(7, 1),
      ...part(8, [1, 2]),
      ...part(9, 'unconfined'),
      ...part(10, 'x'),
      ...num(11, 1),
      ...part(12, num(1, 5)),
      ...part(13, '/m'),
      ...part(14, '/r'),
      ...part(15, [...num(1, 2), ...part(2, '/s')]),
      ...part(16, num(1, 1)),
      ...num(17, 1),
    ];
    expectBytes(v1.LinuxContainerSecurityContext, encodeContainerSecurity(context), want);
  });

  it('ContainerConfig', () => {
    const config = {
      metadata: { name: 'n', attempt: 3 },
      image: { image: 'i' },
      command: ['c', ''],
      args: ['a'],
      workingDir: '/w',
      env: [
        { name: 'TEXT', value: 'ü' },
        { name: 'BYTES', value: new Uint8Array([255]) },
        { name: 'EMPTY' },
      ],
      mounts: [
        {
          containerPath: '/c',
          hostPath: '/h',
          readOnly: true,
          selinuxRelabel: true,
          propagation: 'bidirectional',
          uidMappings: [{ hostId: 1, containerId: 2, length: 3 }],
          gidMappings: [{ hostId: 4, containerId: 5, length: 6 }],
          recursiveReadOnly: true,
        },
        { containerPath: '/v', image: { image: 'i' }, imageSubPath: 'sub' },
      ],
      devices: [{ containerPath: '/c', hostPath: '/h', permissions: 'mrw' }],
      labels: { l: '1' },
      annotations: { a: '2' },
      logPath: 'n/3.log',
      stdin: true,
      stdinOnce: true,
      tty: true,
      linux: { resources: { cpuShares: 2 }, securityContext: { privileged: true } },
      cdiDevices: ['v/c=d'],
      stopSignal: 'SIGRTMIN+3',
    } as const;
    const mapping = (a: number, b: number, c: number) => [...num(1, a), ...num(2, b), ...num(3, c)];
    const want = [
      ...part(1, [...part(1, 'n'), ...num(2, 3)]),
      ...part(2, part(1, 'i')),
      ...part(3, 'c'),
      ...part(3, ''),
      ...part(4, 'a'),
      ...part(5, '/w'),
      ...part(6, [...part(1, 'TEXT'), ...part(2, 'ü')]),
      ...part(6, [...part(1, 'BYTES'), ...part(2, [255])]),
      ...part(6, part(1, 'EMPTY')),
      ...part(7, [
        ...part(1, '/c'),
        ...part(2, '/h'),
        ...num(3, 1),
        ...num(4, 1),
        ...num(5, 2),
        ...part(6, mapping(1, 2, 3)),
        ...part(7, mapping(4, 5, 6)),
        ...num(8, 1),
      ]),
      ...part(7, [...part(1, '/v'), ...part(9, part(1, 'i')), ...part(10, 'sub')]),
      ...part(8, [...part(1, '/c'), ...part(2, '/h'), ...part(3, 'mrw')]),
      ...pair(9, 'l', '1'),
      ...pair(10, 'a', '2'),
      ...part(11, 'n/3.log'),
      ...num(12, 1),
      ...num(13, 1),
      ...num(14, 1),
      ...part(15, [...part(1, num(3, 2)), ...part(2, num(2, 1))]),
      ...part(17, part(1, 'v/c=d')),
      ...num(18, 38),
    ];
    expectBytes(v1.ContainerConfig, encodeContainerConfig(config), want);
  });

  it('PodSandboxConfig', () => {
    const config = {
      metadata: { name: 'n', uid: 'u', namespace: 's', attempt: 2 },
      hostname: 'h',
      logDirectory: '/l',
      dns: { servers: ['1'], searches: ['2'], options: ['3'] },
      portMappings: [{ protocol: 'sctp', containerPort: 80, hostPort: 8080, hostIp: 'ip' }],
      labels: { l: '1' },
      annotations: { a: '2' },
      linux: {
        cgroupParent: '/cg',
        securityContext: {
          runAsUser: 1,
          runAsGroup: 2,
          readOnlyRootfs: true,
          supplementalGroups: [3],
          supplementalGroupsPolicy: 'strict',
          privileged: true,
          seccomp: { kind: 'runtime-default' },
          apparmor: { kind: 'localhost', ref: 'a' },
          seccompProfilePath: 'p',
        },
        sysctls: { 'net.core.somaxconn': '1' },
        overhead: {},
        resources: { memoryLimitBytes: 5 },
      },
    } as const;
    const security = [
      ...part(3, num(1, 1)),
      ...num(4, 1),
      ...part(5, [3]),
      ...num(6, 1),
      ...part(7, 'p'),
      ...part(8, num(1, 2)),
      ...part(9, []),
      ...part(10, [...num(1, 2), ...part(2, 'a')]),
      ...num(11, 1),
    ];
    const want = [
      ...part(1, [...part(1, 'n'), ...part(2, 'u'), ...part(3, 's'), ...num(4, 2)]),
      ...part(2, 'h'),
      ...part(3, '/l'),
      ...part(4, [...part(1, '1'), ...part(2, '2'), ...part(3, '3')]),
      ...part(5, [...num(1, 2), ...num(2, 80), ...num(3, 8080), ...part(4, 'ip')]),
      ...pair(6, 'l', '1'),
      ...pair(7, 'a', '2'),
      ...part(8, [
        ...part(1, '/cg'),
        ...part(2, security),
        ...pair(3, 'net.core.somaxconn', '1'),
        ...part(4, []),
        ...part(5, num(4, 5)),
      ]),
    ];
    expectBytes(v1.PodSandboxConfig, encodeSandboxConfig(config), want);
  });

  it('ContainerFilter', () => {
    const filter = {
      id: containerId('c'),
      state: 'unknown',
      sandboxId: sandboxId('s'),
      labels: { k: 'v' },
    } as const;
    const want = [...part(1, 'c'), ...part(2, num(1, 3)), ...part(3, 's'), ...pair(4, 'k', 'v')];
    expectBytes(v1.ContainerFilter, encodeContainerFilter(filter), want);
  });

  it('messages that only Windows nodes use keep their numbers too', () => {
    const config = {
      windows: {
        resources: { affinityCpus: [{ cpuMask: 3, cpuGroup: 1 }] },
        securityContext: { hostProcess: true },
      },
    };
    const want = part(16, [
      ...part(1, part(6, [...num(1, 3), ...num(2, 1)])),
      ...part(2, num(3, 1)),
    ]);
    expectBytes(v1.ContainerConfig, config, want);
  });
});

describe('replies', () => {
  const NS = 1_763_713_412_123_456_789n;
  const MS = 1_763_713_412_123.456_8;
  const status = [
    ...part(1, 'c1'),
    ...part(2, [...part(1, 'app'), ...num(2, 1)]),
    ...num(3, 2),
    ...num(4, NS),
    ...num(5, NS),
    ...num(6, NS + 1_000_000n),
    ...num(7, -1),
    ...part(8, part(1, 'i')),
    ...part(9, 'ref'),
    ...part(10, 'OOMKilled'),
    ...part(11, 'm'),
    ...pair(12, 'l', '1'),
    ...pair(13, 'a', '2'),
    ...part(14, [...part(1, '/c'), ...num(5, 9)]),
    ...part(15, '/log'),
    ...part(16, part(1, num(4, 64))),
    ...part(17, 'id'),
    ...part(18, part(1, [...num(1, 1000), ...num(2, 100), ...part(3, [5, 6])])),
    ...num(19, 23),
    ...num(1000, 5), // a field from a later version
  ];

  it('ContainerStatus', () => {
    const decoded = decodeContainerStatus(v1.ContainerStatus.decode(Buffer.from(status)));
    expect(decoded).toMatchObject({
      id: 'c1',
      metadata: { name: 'app', attempt: 1 },
      state: 'exited',
      exitCode: -1,
      image: { image: 'i' },
      imageRef: 'ref',
      imageId: 'id',
      reason: 'OOMKilled',
      message: 'm',
      labels: { l: '1' },
      annotations: { a: '2' },
      mounts: [{ containerPath: '/c', propagation: 'unknown' }],
      logPath: '/log',
      resources: { memoryLimitBytes: 64, cpuShares: undefined },
      user: { uid: 1000, gid: 100, supplementalGroups: [5, 6] },
      stopSignal: 'SIGTERM',
    });
    expect(Math.abs(decoded.createdAtMs - MS)).toBeLessThan(0.0005);
    expect((decoded.finishedAtMs ?? 0) - (decoded.startedAtMs ?? 0)).toBeCloseTo(1, 3);
  });

  it('an empty ContainerStatus', () => {
    expect(decodeContainerStatus(v1.ContainerStatus.decode(Buffer.alloc(0)))).toMatchObject({
      id: '',
      state: 'created',
      startedAtMs: undefined,
      finishedAtMs: undefined,
      mounts: [],
      resources: undefined,
      stopSignal: undefined,
    });
  });

  const sandbox = [
    ...part(1, 's1'),
    ...part(2, [...part(1, 'n'), ...part(2, 'u'), ...part(3, 'ns'), ...num(4, 7)]),
    ...num(3, 1),
    ...num(4, NS),
    ...part(5, [...part(1, '10.0.0.1'), ...part(2, part(1, 'fd00::1')), ...part(2, [])]),
    ...part(6, part(1, part(2, [...num(1, 2), ...num(2, 1)]))),
    ...pair(7, 'l', '1'),
    ...pair(8, 'a', '2'),
    ...part(9, 'runc'),
  ];

  it('PodSandboxStatusResponse', () => {
    const reply = [
      ...part(1, sandbox),
      ...pair(2, 'info', '{}'),
      ...part(3, status),
      ...num(4, NS),
    ];
    const message = v1.PodSandboxStatusResponse.decode(Buffer.from(reply));
    expect(decodeSandboxStatusReply(message)).toMatchObject({
      id: 's1',
      metadata: { name: 'n', uid: 'u', namespace: 'ns', attempt: 7 },
      state: 'not-ready',
      ips: ['10.0.0.1', 'fd00::1'],
      namespaces: { network: 'node', pid: 'container', ipc: 'pod', user: undefined },
      labels: { l: '1' },
      runtimeHandler: 'runc',
      containers: [{ id: 'c1' }],
      observedAtMs: expect.closeTo(MS, 2),
    });
  });

  it('ContainerEventResponse', () => {
    const event = [
      ...part(1, 'c1'),
      ...num(2, 3),
      ...num(3, 2_000_000n),
      ...part(4, sandbox),
      ...part(5, status),
    ];
    const message = v1.ContainerEventResponse.decode(Buffer.from(event));
    expect(decodeContainerEvent(message)).toMatchObject({
      id: 'c1',
      type: 'deleted',
      atMs: 2,
      sandbox: { id: 's1' },
      containers: [{ id: 'c1' }],
    });
  });

  it('ContainerStats', () => {
    const wrapper = (field: number, value: number) => part(field, num(1, value));
    const psi = part(2, [...num(1, 12), ...double(2, 0.5), ...double(3, 1.5), ...double(4, 2.5)]);
    const stats = [
      ...part(1, [...part(1, 'c1'), ...part(2, part(1, 'app'))]),
      ...part(2, [...num(1, 1_000_000), ...wrapper(2, 5), ...wrapper(3, 0), ...part(4, psi)]),
      ...part(3, [...num(1, 1_000_000), ...wrapper(2, 100), ...wrapper(7, 3)]),
      ...part(4, [...part(2, part(1, '/fs')), ...wrapper(3, 9), ...wrapper(4, 8)]),
      ...part(5, [...wrapper(2, 1), ...wrapper(3, 2)]),
      ...part(6, part(2, psi)),
    ];
    const message = v1.ContainerStats.decode(Buffer.from(stats));
    const some = { total: 12, avg10Percent: 0.5, avg60Percent: 1.5, avg300Percent: 2.5 };
    expect(decodeContainerStats(message)).toMatchObject({
      id: 'c1',
      metadata: { name: 'app', attempt: 0 },
      cpu: { atMs: 1, usageCoreNs: 5, usageNanoCores: 0, psi: { some, full: undefined } },
      memory: { workingSetBytes: 100, majorPageFaults: 3, rssBytes: undefined },
      writableLayer: { mountpoint: '/fs', usedBytes: 9, inodesUsed: 8 },
      swap: { availableBytes: 1, usageBytes: 2 },
      io: { psi: { some } },
    });
  });

  it('Image, PodSandboxMetrics, StatusResponse, RuntimeConfigResponse', () => {
    const image = [
      ...part(1, 'sha256:x'),
      ...part(2, 't'),
      ...part(3, 'd'),
      ...num(4, 5_000_000_000),
      ...part(5, []),
      ...num(8, 1),
    ];
    expect(decodeImage(v1.Image.decode(Buffer.from(image)))).toMatchObject({
      id: 'sha256:x',
      repoTags: ['t'],
      repoDigests: ['d'],
      sizeBytes: 5_000_000_000,
      uid: 0,
      username: undefined,
      pinned: true,
    });
    const metric = [
      ...part(1, 'm'),
      ...num(2, 1_000_000),
      ...num(3, 1),
      ...part(4, 'v'),
      ...part(5, num(1, 3)),
    ];
    const metrics = [
      ...part(1, 's'),
      ...part(2, metric),
      ...part(3, [...part(1, 'c'), ...part(2, metric)]),
    ];
    const one = { name: 'm', atMs: 1, type: 'gauge', labelValues: ['v'], value: 3 };
    expect(decodeSandboxMetrics(v1.PodSandboxMetrics.decode(Buffer.from(metrics)))).toEqual({
      sandboxId: 's',
      metrics: [one],
      containers: [{ containerId: 'c', metrics: [one] }],
    });
    const condition = [...part(1, 'RuntimeReady'), ...num(2, 1), ...part(3, 'r'), ...part(4, 'm')];
    const reply = [
      ...part(1, part(1, condition)),
      ...part(3, [...part(1, 'runc'), ...part(2, [...num(1, 1), ...num(2, 1)])]),
      ...part(4, num(2, 1)),
    ];
    expect(decodeRuntimeStatus(v1.StatusResponse.decode(Buffer.from(reply)))).toEqual({
      conditions: [{ type: 'RuntimeReady', status: true, reason: 'r', message: 'm' }],
      handlers: [{ name: 'runc', recursiveReadOnlyMounts: true, userNamespaces: true }],
      features: { supplementalGroupsPolicy: false, userNamespacesHostNetwork: true },
    });
    const config = part(1, num(1, 1));
    const decoded = v1.RuntimeConfigResponse.decode(Buffer.from(config));
    expect(decodeRuntimeConfiguration(decoded)).toEqual({ cgroupDriver: 'cgroupfs' });
  });
});
