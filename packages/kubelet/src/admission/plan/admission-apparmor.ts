import type { Container, Pod } from '@nodeagent/kube-client';

import { allContainers, type FailureVerdict } from '../../pod/index.js';

const ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

interface Profile {
  readonly type: string;
  readonly localhostProfile?: string;
}

/**
 * Refuses a pod that requires AppArmor on a machine without it.
 *
 * @see Kubernetes 1.36 pkg/security/apparmor/validate.go
 */
export function refuseForAppArmor(pod: Pod, isEnabled: boolean): FailureVerdict | undefined {
  if ((pod.status?.phase ?? 'Pending') !== 'Pending') return undefined;
  const profiles = allContainers(pod)
    .map(({ spec }) => profileOf(pod, spec))
    .filter((profile) => profile !== undefined && profile.type !== 'Unconfined');
  if (profiles.length === 0) return undefined;
  if (!isEnabled) return refusal('AppArmor is not enabled on the host');
  const nameless = profiles.some(
    (profile) => profile?.type === 'Localhost' && (profile.localhostProfile ?? '').trim() === '',
  );
  return nameless ? refusal('invalid empty AppArmor profile name: ""') : undefined;
}

/** The container's own profile, else that of the deprecated annotation, else the pod's. */
function profileOf(pod: Pod, container: Container): Profile | undefined {
  const own = container.securityContext?.appArmorProfile;
  const old = pod.metadata?.annotations?.[`${ANNOTATION}${container.name}`];
  return own ?? annotated(old) ?? pod.spec?.securityContext?.appArmorProfile;
}

function annotated(text: string | undefined): Profile | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'unconfined') return { type: 'Unconfined' };
  if (text === 'runtime/default') return { type: 'RuntimeDefault' };
  return { type: 'Localhost', localhostProfile: text.replace(/^localhost\//, '') };
}

function refusal(problem: string): FailureVerdict {
  return { reason: 'AppArmor', message: `Cannot enforce AppArmor: ${problem}` };
}
