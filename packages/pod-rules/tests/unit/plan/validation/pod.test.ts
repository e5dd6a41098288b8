import { describe, expect, it } from 'vitest';

import { validatePod, validatePodSpec } from '../../../../src/index.js';
import { faults, faultsOf, type Parts, podWith } from './pods.js';

const app = { name: 'app', image: 'a' };

describe('a pod', () => {
  it('has no faults when it says no more than it must', () => {
    expect(faults({})).toEqual([]);
  });

  it.each<[string, Parts, ...string[]]>([
    ['no container', { containers: [] }, 'spec.containers: Required value'],
    [
      'an unknown restart policy',
      { restartPolicy: 'Sometimes' },
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      'a deadline of nothing',
      { activeDeadlineSeconds: 0 },
      'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
    [
      'a host port that differs in the network of the host',
      { hostNetwork: true, containers: [{ ...app, ports: [{ containerPort: 80, hostPort: 81 }] }] },
      'spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
    ],
    [
      'users of its own in namespaces of the host',
      { hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true },
      'spec.hostNetwork: Forbidden: when `hostUsers` is false',
      'spec.HostPID: Forbidden: when `hostUsers` is false',
      'spec.HostIPC: Forbidden: when `hostUsers` is false',
    ],
    [
      'visitors from the start',
      { ephemeralContainers: [{ name: 'look', image: 'a' }] },
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
    [
      'a node, and gates before it',
      { nodeName: 'n1', schedulingGates: [{ name: 'a' }, { name: 'a' }] },
      'spec.schedulingGates[1]: Duplicate value: "a"',
      'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
    ],
    [
      'an unknown system',
      { os: { name: 'plan9' } },
      'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"',
    ],
    [
      'options of another system',
      {
        os: { name: 'linux' },
        securityContext: { windowsOptions: {} },
        containers: [{ ...app, securityContext: { windowsOptions: {} } }],
      },
      'spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
      'spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
    ],
    [
      'claims that name nothing, or too much',
      {
        resourceClaims: [
          { name: 'a' },
          { name: 'a', resourceClaimName: 'x', resourceClaimTemplateName: 'y' },
        ],
      },
      'spec.resourceClaims[0]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      'spec.resourceClaims[1].name: Duplicate value: "a"',
      'spec.resourceClaims[1]: Invalid value: {"name":"a","resourceClaimName":"x","resourceClaimTemplateName":"y"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
    ],
    [
      'an image with blanks around it',
      { containers: [{ ...app, image: ' a ' }] },
      'spec.containers[0].image: Invalid value: " a ": must not have leading or trailing whitespace',
    ],
    [
      'a token of nobody',
      {
        volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      },
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ])('is refused for %s', (_, parts, ...expected) => {
    expect(faults(parts)).toEqual(expected);
  });

  it('may have users of its own in the network of the host where a gate allows that', () => {
    const pod = podWith({ hostUsers: false, hostNetwork: true });
    expect(validatePod(pod, { UserNamespacesHostNetworkSupport: true })).toEqual([]);
  });

  it('may have visitors later', () => {
    const pod = podWith({ ephemeralContainers: [{ name: 'look', image: 'a' }] });
    expect(validatePod(pod)).toEqual([]);
  });

  it.each<[string, Parts, ...string[]]>([
    [
      'ports, limits and probes',
      { ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1' } }, startupProbe: {} },
      ...['ports', 'resources', 'startupProbe'].map(
        (name) =>
          `spec.ephemeralContainers[0].${name}: Forbidden: cannot be set for an Ephemeral Container`,
      ),
    ],
    [
      'a name that is taken and a target that is not there',
      { name: 'app', targetContainerName: 'other' },
      'spec.ephemeralContainers[0].name: Duplicate value: "app"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "other"',
    ],
  ])('has no visitor with %s', (_, visitor, ...expected) => {
    const pod = podWith({ ephemeralContainers: [{ name: 'look', image: 'a', ...visitor }] });
    for (const container of pod.spec?.ephemeralContainers ?? []) {
      for (const port of container.ports ?? []) port.protocol = 'TCP';
    }
    expect(validatePod(pod).map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
  });
});

describe('a pod template', () => {
  it('may leave open what is filled into its pods', () => {
    const { spec } = podWith({
      hostNetwork: true,
      containers: [{ ...app, image: ' a ', ports: [{ containerPort: 80 }] }],
    });
    for (const port of spec?.containers[0]?.ports ?? []) delete port.hostPort;
    expect(validatePodSpec(spec, 'spec.template.spec')).toEqual([]);
  });

  it('is needed', () => {
    const fields = validatePodSpec(undefined, 'spec.template.spec').map(({ field }) => field);
    expect(fields).toContain('spec.template.spec.containers');
  });
});

describe('annotations about profiles', () => {
  const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod';
  const SECCOMP_APP = 'container.seccomp.security.alpha.kubernetes.io/app';
  const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';

  it.each<[annotation: string, value: string, ...faults: string[]]>([
    [SECCOMP, 'runtime/default'],
    [SECCOMP, 'localhost/a/b.json'],
    [
      SECCOMP,
      'localhost/../b',
      `metadata.annotations.${SECCOMP}: Invalid value: "../b": must not contain '..'`,
    ],
    [
      SECCOMP_APP,
      'strict',
      `metadata.annotations.${SECCOMP_APP}: Invalid value: "strict": must be a valid seccomp profile`,
    ],
    [`${APPARMOR}app`, 'localhost/p'],
    [
      `${APPARMOR}other`,
      'strict',
      `metadata.annotations[${APPARMOR}other]: Invalid value: "other": container not found`,
      `metadata.annotations[${APPARMOR}other]: Invalid value: "strict": invalid AppArmor profile name: "strict"`,
    ],
  ])('%s: %s', (annotation, value, ...expected) => {
    expect(faultsOf(podWith({}, { [annotation]: value }))).toEqual(expected);
  });

  it.each<[string, Record<string, string>, Parts, ...string[]]>([
    ['the same', { [SECCOMP]: 'unconfined' }, { seccompProfile: { type: 'Unconfined' } }],
    [
      'another type',
      { [SECCOMP]: 'unconfined' },
      { seccompProfile: { type: 'RuntimeDefault' } },
      'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
    ],
    [
      'another file',
      { [SECCOMP]: 'localhost/a' },
      { seccompProfile: { type: 'Localhost', localhostProfile: 'b' } },
      'spec.securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match',
    ],
    [
      'no file at all',
      { [`${APPARMOR}app`]: 'unconfined' },
      { appArmorProfile: { type: 'Localhost', localhostProfile: 'b' } },
      'spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match',
    ],
  ])('beside a field that says %s', (_, annotations, securityContext, ...expected) => {
    expect(faultsOf(podWith({ securityContext }, annotations))).toEqual(expected);
  });
});
