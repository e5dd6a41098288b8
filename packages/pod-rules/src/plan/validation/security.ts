import { asWritten, type Container, type PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { each, type Errors, isEmpty, oneOf } from './checks.js';
import { idErrors, relativePathErrors } from './formats.js';

type PodSecurity = NonNullable<PodSpec['securityContext']>;
type Security = NonNullable<Container['securityContext']>;
type Seccomp = NonNullable<PodSecurity['seccompProfile']>;
type AppArmor = NonNullable<PodSecurity['appArmorProfile']>;

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const SYSCTL_LIMIT = 253;
const OF_IPC =
  /^(?:fs\.mqueue\.|kernel\.(?:sem|shm(?:all|max|mni|_rmid_forced)?|msg(?:max|mnb|mni)?)$)/;
const PATH_LIMIT = 4095;

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validatePodSpecSecurityContext */
export function podSecurityErrors(spec: PodSpec, path: string): Errors {
  const { securityContext: context = {}, shareProcessNamespace } = spec;
  const where = `${path}.securityContext`;
  const isTorn = shareProcessNamespace === true && spec.hostPID === true;
  const both = 'ShareProcessNamespace and HostPID cannot both be enabled';
  return [
    ...idErrors(`${where}.fsGroup`, context.fsGroup),
    ...idErrors(`${where}.runAsUser`, context.runAsUser),
    ...idErrors(`${where}.runAsGroup`, context.runAsGroup),
    ...each(context.supplementalGroups, `${where}.supplementalGroups`, (id, at) =>
      idErrors(at, id),
    ),
    ...(isTorn ? [field.invalid(`${where}.shareProcessNamespace`, true, both)] : []),
    ...sysctlErrors(spec, `${where}.sysctls`),
    ...oneOf(`${where}.fsGroupChangePolicy`, context.fsGroupChangePolicy, [
      'Always',
      'OnRootMismatch',
    ]),
    ...profileErrors(context, where),
    ...oneOf(`${where}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, [
      'Merge',
      'Strict',
    ]),
    ...oneOf(`${where}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['Recursive']),
  ];
}

/** @param hostUsers true if the pod uses the node's user ids */
export function securityErrors(context: Security, path: string, hostUsers: boolean): Errors {
  const { procMount, privileged, allowPrivilegeEscalation, capabilities } = context;
  const errors = [
    ...idErrors(`${path}.runAsUser`, context.runAsUser),
    ...idErrors(`${path}.runAsGroup`, context.runAsGroup),
    ...oneOf(`${path}.procMount`, procMount, ['Default', 'Unmasked']),
    ...profileErrors(context, path),
  ];
  if (hostUsers && procMount === 'Unmasked') {
    const detail = '`hostUsers` must be false to use `Unmasked`';
    errors.push(field.invalid(`${path}.procMount`, procMount, detail));
  }
  if (allowPrivilegeEscalation !== false) return errors;
  const contrary = 'cannot set `allowPrivilegeEscalation` to false and';
  if (privileged === true) {
    errors.push(field.invalid(path, context, `${contrary} \`privileged\` to true`));
  }
  if (capabilities?.add?.includes('CAP_SYS_ADMIN')) {
    errors.push(field.invalid(path, context, `${contrary} \`capabilities.Add\` CAP_SYS_ADMIN`));
  }
  return errors;
}

function profileErrors(
  { seccompProfile, appArmorProfile }: PodSecurity | Security,
  path: string,
): Errors {
  return [
    ...(seccompProfile === undefined
      ? []
      : seccompErrors(seccompProfile, `${path}.seccompProfile`)),
    ...(appArmorProfile === undefined
      ? []
      : appArmorErrors(appArmorProfile, `${path}.appArmorProfile`)),
  ];
}

function seccompErrors({ type, localhostProfile }: Seccomp, path: string): Errors {
  const profileAt = `${path}.localhostProfile`;
  const errors = isEmpty(type)
    ? [field.required(`${path}.type`, 'type is required when seccompProfile is set')]
    : [...oneOf(`${path}.type`, type, PROFILES)];
  if (type !== 'Localhost') {
    if (localhostProfile === undefined) return errors;
    const detail = 'can only be set when seccomp type is Localhost';
    return [...errors, field.invalid(profileAt, localhostProfile, detail)];
  }
  if (localhostProfile !== undefined) return relativePathErrors(profileAt, localhostProfile);
  return [field.required(profileAt, 'must be set when seccomp type is Localhost')];
}

function appArmorErrors({ type, localhostProfile: profile }: AppArmor, path: string): Errors {
  const profileAt = `${path}.localhostProfile`;
  if (isEmpty(type)) {
    return [field.required(`${path}.type`, 'type is required when appArmorProfile is set')];
  }
  if (!PROFILES.includes(type)) return oneOf(`${path}.type`, type, PROFILES);
  if (type !== 'Localhost') {
    if (profile === undefined) return [];
    return [field.invalid(profileAt, profile, 'can only be set when AppArmor type is Localhost')];
  }
  if (isEmpty(profile) || profile === undefined) {
    return [field.required(profileAt, 'must be set when AppArmor type is Localhost')];
  }
  const isPadded = profile !== profile.trim();
  return [
    ...(isPadded ? [field.invalid(profileAt, profile, 'must not be padded with whitespace')] : []),
    ...(profile.length > PATH_LIMIT ? [field.tooLong(profileAt, PATH_LIMIT)] : []),
  ];
}

function sysctlErrors({ securityContext, hostNetwork, hostIPC }: PodSpec, path: string): Errors {
  const seen = new Set<string>();
  return each(securityContext?.sysctls, path, (sysctl, at) => {
    const { name = '' } = asWritten(sysctl);
    const where = `${at}.name`;
    const isGood = name.length <= SYSCTL_LIMIT && SYSCTL.test(name);
    const isTwice = isGood && seen.has(name);
    seen.add(name);
    const dotted = name.replaceAll('/', '.');
    const detail = `must have at most ${SYSCTL_LIMIT} characters and be words joined by dots or slashes`;
    const ofHost =
      hostNetwork === true && dotted.startsWith('net.')
        ? 'hostNetwork'
        : hostIPC === true && OF_IPC.test(dotted)
          ? 'hostIPC'
          : undefined;
    return [
      ...(name === '' ? [field.required(where)] : []),
      ...(name !== '' && !isGood ? [field.invalid(where, name, detail)] : []),
      ...(isTwice ? [field.duplicate(where, name)] : []),
      ...(ofHost === undefined
        ? []
        : [field.invalid(where, name, `may not be specified when '${ofHost}' is true`)]),
    ];
  });
}

/**
 * A pod with a user namespace cannot use the host's namespaces.
 *
 * @param maySeeNetwork allows the host's network
 */
export function userNamespaceErrors(spec: PodSpec, path: string, maySeeNetwork: boolean): Errors {
  if (spec.hostUsers !== false) return [];
  const detail = 'when `hostUsers` is false';
  const shared = [
    ['hostNetwork', spec.hostNetwork === true && !maySeeNetwork],
    ['HostPID', spec.hostPID],
    ['HostIPC', spec.hostIPC],
  ] as const;
  return shared
    .filter(([, isShared]) => isShared === true)
    .map(([name]) => field.forbidden(`${path}.${name}`, detail));
}
