import { describe, expect, it } from 'vitest';

import { faults, faultsInside, type Parts } from './pods.js';

type Case = [what: string, container: Parts, ...faults: string[]];

const probe = { tcpSocket: { port: 80 } };
const DETAIL_OF_INIT = 'may not be set for init containers without restartPolicy=Always';

describe('a container', () => {
  it.each<Case>([
    ['no image', { image: '' }, 'image: Required value'],
    [
      'an unknown pull policy',
      { imagePullPolicy: 'Perhaps' },
      'imagePullPolicy: Unsupported value: "Perhaps": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      'messages from elsewhere',
      { terminationMessagePolicy: 'Oracle' },
      'terminationMessagePolicy: Unsupported value: "Oracle": supported values: "File", "FallbackToLogsOnError"',
    ],
    [
      'ports without numbers, of a name twice, and beyond what there is',
      {
        ports: [
          { name: 'web', containerPort: 80 },
          { name: 'web', containerPort: 81, hostPort: 70_000 },
          { name: 'a-very-long-port-name', protocol: 'IP' },
        ],
      },
      'ports[1].name: Duplicate value: "web"',
      'ports[1].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'ports[2].name: Invalid value: "a-very-long-port-name": must be no more than 15 characters',
      'ports[2].containerPort: Required value',
      'ports[2].protocol: Unsupported value: "IP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'a port name without a letter, between hyphens',
      { ports: [{ name: '-8--0-', containerPort: 80 }] },
      'ports[0].name: Invalid value: "-8--0-": must contain at least one letter (a-z)',
      'ports[0].name: Invalid value: "-8--0-": must not contain consecutive hyphens',
      'ports[0].name: Invalid value: "-8--0-": must not begin or end with a hyphen',
    ],
    [
      'one port of the host twice',
      { ports: [8080, 8081].map((containerPort) => ({ containerPort, hostPort: 80 })) },
      'ports[1].hostPort: Duplicate value: "TCP//80"',
    ],
    [
      'rules for its restart, but no policy',
      { restartPolicyRules: [{ action: 'Pray', exitCodes: { operator: 'Eq' } }] },
      'restartPolicy: Required value: must specify restartPolicy when restart rules are used',
      'restartPolicyRules[0].action: Unsupported value: "Pray": supported values: "Restart", "RestartAllContainers"',
      'restartPolicyRules[0].exitCodes.operator: Unsupported value: "Eq": supported values: "In", "NotIn"',
    ],
    [
      'too many rules without exit codes',
      {
        restartPolicy: 'Never',
        restartPolicyRules: Array.from({ length: 21 }, () => ({ action: 'Restart' })),
      },
      'restartPolicyRules: Too many: 21: must have at most 20 items',
      ...Array.from(
        { length: 21 },
        (_, i) => `restartPolicyRules[${i}].exitCodes: Required value: must be specified`,
      ),
    ],
    [
      'policies for a resize that do not go together',
      {
        resizePolicy: [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'cpu', restartPolicy: 'Always' },
          { resourceName: 'disk', restartPolicy: 'NotRequired' },
        ],
      },
      'resizePolicy[1]: Duplicate value: "cpu"',
      'resizePolicy: Unsupported value: "Always": supported values: "NotRequired", "RestartContainer"',
      'resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"',
    ],
  ])('is refused for %s', (_, container, ...expected) => {
    expect(faultsInside(container)).toEqual(expected);
  });

  it('is not restarted for a resize where nothing is restarted', () => {
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    expect(faultsInside({ resizePolicy }, { restartPolicy: 'Never' })).toEqual([
      "resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
    ]);
  });

  it('has a name of its own among all of the pod', () => {
    const [app, init] = ['app', 'init'].map((name) => ({ name, image: 'a' }));
    expect(faults({ containers: [app, app], initContainers: [init, app, init] })).toEqual([
      'spec.containers[1].name: Duplicate value: "app"',
      'spec.initContainers[1].name: Duplicate value: "app"',
      'spec.initContainers[2].name: Duplicate value: "init"',
    ]);
  });

  it.each<Case>([
    ['hooks and probes, as a sidecar', { restartPolicy: 'Always', livenessProbe: probe }],
    [
      'hooks and probes',
      { lifecycle: {}, livenessProbe: probe, readinessProbe: probe, startupProbe: probe },
      ...['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'].map(
        (name) => `spec.initContainers[0].${name}: Forbidden: ${DETAIL_OF_INIT}`,
      ),
    ],
    [
      'a restart for its resize',
      { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
      'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
    ],
  ])('that begins before others may have or not: %s', (_, container, ...expected) => {
    expect(faults({ initContainers: [{ name: 'init', image: 'a', ...container }] })).toEqual(
      expected,
    );
  });
});

describe('a probe', () => {
  it.each<Case>([
    [
      'no way to ask',
      { livenessProbe: {} },
      'livenessProbe: Required value: must specify a handler type',
    ],
    [
      'more than one way to ask',
      { livenessProbe: { ...probe, exec: { command: ['a'] } } },
      'livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
    ['no command', { startupProbe: { exec: {} } }, 'startupProbe.exec.command: Required value'],
    [
      'a port beyond all, a scheme and a header that are none',
      {
        readinessProbe: {
          httpGet: { port: 70_000, scheme: 'FTP', httpHeaders: [{ name: 'X Y', value: '' }] },
        },
      },
      'readinessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      "readinessProbe.httpGet.httpHeaders: Invalid value: \"X Y\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name')",
    ],
    [
      'a port name that is none',
      { readinessProbe: { tcpSocket: { port: 'Web!' } } },
      'readinessProbe.tcpSocket.port: Invalid value: "Web!": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    [
      'numbers below nothing',
      { readinessProbe: { ...probe, initialDelaySeconds: -1, failureThreshold: -2 } },
      'readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0',
      'readinessProbe.failureThreshold: Invalid value: -2: must be greater than or equal to 0',
    ],
    [
      'a liveness that must succeed twice',
      { livenessProbe: { ...probe, successThreshold: 2 } },
      'livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'a grace period of nothing, or where nothing is ended',
      {
        livenessProbe: { ...probe, terminationGracePeriodSeconds: 0 },
        readinessProbe: { ...probe, terminationGracePeriodSeconds: 5 },
      },
      'livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0',
      'readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes',
    ],
  ])('is refused for %s', (_, container, ...expected) => {
    expect(faultsInside(container)).toEqual(expected);
  });
});

describe('a hook', () => {
  it.each<Case>([
    ['a sleep within the grace period', { lifecycle: { preStop: { sleep: { seconds: 30 } } } }],
    [
      'a longer sleep',
      { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      'lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
    ],
    [
      'nothing to do',
      { lifecycle: { postStart: {} } },
      'lifecycle.postStart: Required value: must specify a handler type',
    ],
    [
      'a signal, and no system whose signals are known',
      { lifecycle: { stopSignal: 'SIGUSR1' } },
      'lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`',
    ],
  ])('with %s', (_, container, ...expected) => {
    expect(faultsInside(container)).toEqual(expected);
  });

  it('names signals of its system only', () => {
    const signal = (stopSignal: string, name: string): readonly string[] =>
      faultsInside({ lifecycle: { stopSignal } }, { os: { name } });
    expect(signal('SIGRTMIN+3', 'linux')).toEqual([]);
    expect(signal('SIGUSR1', 'windows').join()).toMatch(/Unsupported value: "SIGUSR1"/);
    expect(signal('SIGNAL', 'linux').join()).toMatch(/Unsupported value: "SIGNAL"/);
  });
});

describe('the environment', () => {
  const from = (valueFrom: Parts, more: Parts = {}): Parts => ({
    env: [{ name: 'A', valueFrom, ...more }],
  });
  const emptyDir = [{ name: 'v', emptyDir: {} }];

  it.each<Case>([
    [
      'names that are none',
      { env: [{}, { name: 'A=B' }] },
      'env[0].name: Required value',
      'env[1].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
    ],
    [
      'no source',
      from({}),
      'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ],
    [
      'a value beside its source',
      from({ fieldRef: { fieldPath: 'metadata.name' } }, { value: 'x' }),
      'env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    ['a label', from({ fieldRef: { fieldPath: "metadata.labels['example.com/a']" } })],
    [
      'parts of what has none, and fields that are told to nobody',
      {
        env: [
          { name: 'A', valueFrom: { fieldRef: { fieldPath: "spec.nodeName['a']" } } },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } },
        ],
      },
      'env[0].valueFrom.fieldRef: Invalid value: "spec.nodeName": does not support subscript',
      'env[1].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ],
    [
      'a resource, or a divisor, that there is not',
      {
        env: [
          { name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.disk' } } },
          { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } } },
        ],
      },
      'env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.disk": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
      'env[1].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m, 1 are supported with this resource',
    ],
    [
      'a key that cannot be one',
      from({ secretKeyRef: { name: 's', key: '..' } }),
      'env[0].valueFrom.secretKeyRef.key: Invalid value: "..": must not be \'..\'',
    ],
    [
      'whole objects: none, or two at once',
      { envFrom: [{ prefix: 'A=' }, { secretRef: { name: 's' }, configMapRef: { name: '' } }] },
      'envFrom[0].prefix: Invalid value: "A=": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      'envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
      'envFrom[1].configMapRef.name: Required value',
      'envFrom: Invalid value: "": may not have more than one field specified at a time',
    ],
    [
      'a file of a volume that there is not',
      from({ fileKeyRef: { key: 'K', volumeName: 'other', path: '../f' } }),
      'env[0].valueFrom.fileKeyRef.path: Invalid value: "../f": must not contain \'..\'',
      'env[0].valueFrom.fileKeyRef.volumeName: Not found: "other"',
    ],
  ])('with %s', (_, container, ...expected) => {
    expect(faultsInside(container, { volumes: emptyDir })).toEqual(expected);
  });

  it('has files of empty directories only', () => {
    const fileKeyRef = { key: 'K', volumeName: 'v', path: 'f' };
    expect(faultsInside(from({ fileKeyRef }), { volumes: emptyDir })).toEqual([]);
    const volumes = [{ name: 'v', hostPath: { path: '/v' } }];
    expect(faultsInside(from({ fileKeyRef }), { volumes })).toEqual([
      'env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir',
    ]);
  });
});

describe('security', () => {
  const inContainer = (securityContext: Parts): readonly string[] =>
    faultsInside({ securityContext });

  it.each<[string, Parts, ...string[]]>([
    ['nothing', {}],
    [
      'ids that are none',
      { runAsUser: -1, runAsGroup: 2 ** 31 },
      'securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'securityContext.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
    ],
    [
      'a view of processes that only users of its own may have',
      { procMount: 'Unmasked' },
      'securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
    ],
    [
      'privileges that it must not gain',
      { allowPrivilegeEscalation: false, privileged: true },
      'securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
    [
      'profiles without a type, or with a file that they do not read',
      {
        seccompProfile: { localhostProfile: 'a' },
        appArmorProfile: { type: 'Unconfined', localhostProfile: 'a' },
      },
      'securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set',
      'securityContext.seccompProfile.localhostProfile: Invalid value: "a": can only be set when seccomp type is Localhost',
      'securityContext.appArmorProfile.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost',
    ],
    [
      'profiles of a file that is not named, or is elsewhere',
      {
        seccompProfile: { type: 'Localhost', localhostProfile: '/a' },
        appArmorProfile: { type: 'Localhost', localhostProfile: ' a' },
      },
      'securityContext.seccompProfile.localhostProfile: Invalid value: "/a": must be a relative path',
      'securityContext.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace',
    ],
  ])('of a container: %s', (_, securityContext, ...expected) => {
    expect(inContainer(securityContext)).toEqual(expected);
  });

  it('lets users of its own see processes whole', () => {
    const container = { securityContext: { procMount: 'Unmasked' } };
    expect(faultsInside(container, { hostUsers: false })).toEqual([]);
  });

  it.each<[string, Parts, ...string[]]>([
    [
      'processes of the host, shared among containers',
      { hostPID: true, shareProcessNamespace: true },
      'spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    [
      'ids that are none',
      { securityContext: { fsGroup: -1, supplementalGroups: [0, -2] } },
      'spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.supplementalGroups[1]: Invalid value: -2: must be between 0 and 2147483647, inclusive',
    ],
    [
      'policies that there are not',
      {
        securityContext: {
          fsGroupChangePolicy: 'Never',
          supplementalGroupsPolicy: 'None',
          seLinuxChangePolicy: 'MountOption',
        },
      },
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "None": supported values: "Merge", "Strict"',
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"',
    ],
    [
      'kernel parameters that are none, twice, or those of the host',
      {
        hostNetwork: true,
        hostIPC: true,
        securityContext: {
          sysctls: [
            '',
            'A',
            'kernel.domainname',
            'kernel.domainname',
            'net/core/somaxconn',
            'kernel.sem',
          ].map((name) => ({ name, value: '1' })),
        },
      },
      'spec.securityContext.sysctls[0].name: Required value',
      'spec.securityContext.sysctls[1].name: Invalid value: "A": must have at most 253 characters and be words joined by dots or slashes',
      'spec.securityContext.sysctls[3].name: Duplicate value: "kernel.domainname"',
      'spec.securityContext.sysctls[4].name: Invalid value: "net/core/somaxconn": may not be specified when \'hostNetwork\' is true',
      'spec.securityContext.sysctls[5].name: Invalid value: "kernel.sem": may not be specified when \'hostIPC\' is true',
    ],
  ])('of a pod: %s', (_, parts, ...expected) => {
    expect(faults(parts)).toEqual(expected);
  });
});
