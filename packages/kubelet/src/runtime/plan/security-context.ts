import type {
  ContainerSecurityContext,
  IdMapping,
  NamespaceOptions,
  SecurityProfile,
  SelinuxOptions,
  UserNamespace,
} from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import type { ImageUser } from '../../images/index.js';
import { podLabel, StartError } from '../../pod/index.js';

export interface SecuritySettings {
  readonly seccompDefault: boolean;
  /** The directory of `localhostProfile`s. */
  readonly seccompDir: string;
  /** Paths masked on this machine, besides those that are always masked. */
  readonly maskedPaths?: readonly string[];
}

const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const MAX_UID = 2 ** 31 - 1;

export interface NamespaceChoice {
  /** The container whose processes an ephemeral container joins. */
  readonly targetId?: string | undefined;
  /** The pod's own user ids; the host's if absent. */
  readonly ids?: IdMapping | undefined;
}

/** The namespaces of the host or the pod that a container joins. */
export function namespaceOptions(
  pod: Pod,
  { targetId, ids }: NamespaceChoice = {},
): NamespaceOptions {
  const { hostNetwork, hostIPC, hostPID, shareProcessNamespace } = pod.spec ?? {};
  const shared = shareProcessNamespace === true ? 'pod' : 'container';
  const pid = hostPID === true ? 'node' : shared;
  const base = {
    network: hostNetwork === true ? 'node' : 'pod',
    ipc: hostIPC === true ? 'node' : 'pod',
    pid,
    user: userNamespace(ids),
  } as const;
  return targetId !== undefined && pid === 'container'
    ? { ...base, pid: 'target', targetId }
    : base;
}

function userNamespace(ids: IdMapping | undefined): UserNamespace {
  return ids === undefined ? { mode: 'node' } : { mode: 'pod', uids: [ids], gids: [ids] };
}

/**
 * Supplemental groups of every process of the pod.
 *
 * @param ofVolumes groups that its volumes need
 */
export function supplementalGroups(pod: Pod, ofVolumes: readonly number[] = []): readonly number[] {
  const { fsGroup, supplementalGroups: named = [] } = pod.spec?.securityContext ?? {};
  const first = fsGroup === undefined ? [] : [fsGroup];
  return [...first, ...named, ...ofVolumes.filter((group) => !named.includes(group))];
}

/** A container, and what its pod means for its processes. */
export interface SecuredContainer extends NamespaceChoice {
  readonly pod: Pod;
  readonly container: Container;
  /** Groups that the pod's volumes need; none if absent. */
  readonly volumeGroups?: readonly number[];
}

/**
 * @throws {StartError} `CreateContainerConfigError` if the user would be root and must not be
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/security_context.go
 */
export function containerSecurity(
  owner: SecuredContainer,
  image: ImageUser,
  settings: SecuritySettings,
): ContainerSecurityContext {
  const { pod, container } = owner;
  const ofPod = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const selinux = own.seLinuxOptions ?? ofPod.seLinuxOptions;
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  const runAsGroup = own.runAsGroup ?? ofPod.runAsGroup;
  if ((own.runAsNonRoot ?? ofPod.runAsNonRoot) === true) checkNonRoot(owner, runAsUser, image);
  const apparmor = apparmorProfile(pod, container);
  const unmasked = own.procMount === 'Unmasked';
  return {
    ...(own.capabilities === undefined
      ? {}
      : { capabilities: { add: own.capabilities.add, drop: own.capabilities.drop } }),
    privileged: own.privileged ?? false,
    readOnlyRootfs: own.readOnlyRootFilesystem ?? false,
    ...userOf(runAsUser, image),
    runAsGroup,
    supplementalGroups: supplementalGroups(pod, owner.volumeGroups),
    supplementalGroupsPolicy: ofPod.supplementalGroupsPolicy === 'Strict' ? 'strict' : 'merge',
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    namespaces: namespaceOptions(pod, owner),
    ...(selinux === undefined ? {} : { selinux: selinuxOptions(selinux) }),
    seccomp: seccompProfile(own.seccompProfile ?? ofPod.seccompProfile, settings),
    ...(apparmor === undefined ? {} : { apparmor, apparmorProfile: profileText(apparmor) }),
    maskedPaths: unmasked ? [] : [...MASKED_PATHS, ...(settings.maskedPaths ?? [])],
    readOnlyPaths: unmasked ? [] : READ_ONLY_PATHS,
  };
}

function userOf(
  runAsUser: number | undefined,
  image: ImageUser,
): { runAsUser: number } | { runAsUsername: string } {
  if (runAsUser !== undefined) return { runAsUser };
  if (image.uid !== undefined) return { runAsUser: image.uid };
  return image.username ? { runAsUsername: image.username } : { runAsUser: 0 };
}

function checkNonRoot(
  { pod, container }: Readonly<{ pod: Pod; container: Container }>,
  runAsUser: number | undefined,
  image: ImageUser,
): void {
  const where = `(pod: ${JSON.stringify(podLabel(pod))}, container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser !== 0) return;
    throw refuse(`container's runAsUser breaks non-root policy ${where}`);
  }
  if (image.uid === undefined && image.username) {
    const user = image.username;
    throw refuse(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    );
  }
  const uid = image.uid ?? 0;
  if (uid === 0) throw refuse(`container has runAsNonRoot and image will run as root ${where}`);
  if (uid < 0 || uid > MAX_UID)
    throw refuse(`container has runAsNonRoot and image has an invalid user id (${uid}). ${where}`);
}

interface Profile {
  readonly type: string;
  readonly localhostProfile?: string;
}

function seccompProfile(profile: Profile | undefined, settings: SecuritySettings): SecurityProfile {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { kind: 'runtime-default' };
    case 'Localhost': {
      const { localhostProfile } = profile;
      if (!localhostProfile)
        throw refuse('localhostProfile must be set if seccompProfile type is Localhost.');
      return { kind: 'localhost', ref: `${settings.seccompDir}/${localhostProfile}` };
    }
    case undefined:
      return { kind: settings.seccompDefault ? 'runtime-default' : 'unconfined' };
    default:
      return { kind: 'unconfined' };
  }
}

function apparmorProfile(pod: Pod, container: Container): SecurityProfile | undefined {
  const key = `container.apparmor.security.beta.kubernetes.io/${container.name}`;
  const field = container.securityContext?.appArmorProfile;
  const annotation = pod.metadata?.annotations?.[key];
  if (field === undefined && annotation !== undefined) return annotatedProfile(annotation);
  const profile: Profile | undefined = field ?? pod.spec?.securityContext?.appArmorProfile;
  switch (profile?.type) {
    case undefined:
      return undefined;
    case 'RuntimeDefault':
      return { kind: 'runtime-default' };
    case 'Localhost':
      return { kind: 'localhost', ref: profile.localhostProfile ?? '' };
    default:
      return { kind: 'unconfined' };
  }
}

function annotatedProfile(text: string): SecurityProfile | undefined {
  if (text === 'runtime/default') return { kind: 'runtime-default' };
  if (text === 'unconfined') return { kind: 'unconfined' };
  if (text.startsWith('localhost/')) return { kind: 'localhost', ref: text.slice(10) };
  return undefined;
}

function profileText(profile: SecurityProfile): string {
  if (profile.kind === 'localhost') return `localhost/${profile.ref}`;
  return profile.kind === 'unconfined' ? 'unconfined' : 'runtime/default';
}

export function selinuxOptions({ user, role, type, level }: SelinuxOptions): SelinuxOptions {
  return { user, role, type, level };
}

function refuse(message: string): StartError {
  return new StartError('CreateContainerConfigError', message);
}
