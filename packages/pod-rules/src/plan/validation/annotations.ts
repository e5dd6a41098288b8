import type { Container, PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import type { Errors } from './checks.js';
import { relativePathErrors } from './formats.js';

type Annotations = Readonly<Record<string, string>>;
type Profile = Readonly<{ type?: string; localhostProfile?: string }>;
type Placed = readonly Readonly<{ container: Container; path: string }>[];

const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR_CONTAINER = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';
const SECCOMP_WORDS: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default', 'docker/default'],
};
const APPARMOR_WORDS: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default'],
};

/**
 * Checks profiles in the annotations that preceded the fields: each must name a profile.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidatePodSpecificAnnotations
 */
export function annotatedProfileErrors(annotations: Annotations, containers: Placed): Errors {
  return Object.entries(annotations).flatMap(([key, value]) => {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) {
      return seccompErrors(`metadata.annotations.${key}`, value);
    }
    if (!key.startsWith(APPARMOR_CONTAINER)) return [];
    const name = key.slice(APPARMOR_CONTAINER.length);
    const where = `metadata.annotations[${key}]`;
    const known = [...Object.values(APPARMOR_WORDS).flat(), ''];
    const isGood = known.includes(value) || value.startsWith(LOCALHOST);
    return [
      ...(containers.some(({ container }) => container.name === name)
        ? []
        : [field.invalid(where, name, 'container not found')]),
      ...(isGood ? [] : [field.invalid(where, value, `invalid AppArmor profile name: "${value}"`)]),
    ];
  });
}

function seccompErrors(path: string, value: string): Errors {
  if (Object.values(SECCOMP_WORDS).flat().includes(value)) return [];
  if (value.startsWith(LOCALHOST)) return relativePathErrors(path, value.slice(LOCALHOST.length));
  return [field.invalid(path, value, 'must be a valid seccomp profile')];
}

/** If a new pod has both an annotation and a field, they must agree. */
export function matchingProfileErrors(
  annotations: Annotations,
  { securityContext: pod, os }: PodSpec,
  containers: Placed,
): Errors {
  const seccomp = (key: string, profile: Profile | undefined, path: string): Errors =>
    mismatch(annotations[key], profile, {
      path: `${path}.securityContext.seccompProfile`,
      kind: 'seccomp',
      words: SECCOMP_WORDS,
    });
  return [
    ...seccomp(SECCOMP_POD, pod?.seccompProfile, 'spec'),
    ...containers.flatMap(({ container, path }) => {
      const { name, securityContext: own } = container;
      const appArmor = own?.appArmorProfile ?? pod?.appArmorProfile;
      return [
        ...seccomp(`${SECCOMP_CONTAINER}${name}`, own?.seccompProfile, path),
        ...(os?.name === 'windows'
          ? []
          : mismatch(annotations[`${APPARMOR_CONTAINER}${name}`], appArmor, {
              path: `${path}.securityContext.appArmorProfile`,
              kind: 'apparmor',
              words: APPARMOR_WORDS,
            })),
      ];
    }),
  ];
}

function mismatch(
  annotation: string | undefined,
  profile: Profile | undefined,
  {
    path,
    kind,
    words,
  }: Readonly<{ path: string; kind: string; words: Readonly<Record<string, readonly string[]>> }>,
): Errors {
  if (annotation === undefined || profile === undefined) return [];
  const wrongType = field.forbidden(
    `${path}.type`,
    `${kind} type in annotation and field must match`,
  );
  const { type = '', localhostProfile } = profile;
  if (type !== 'Localhost') {
    const expected = words[type];
    return expected === undefined || expected.includes(annotation) ? [] : [wrongType];
  }
  if (!annotation.startsWith(LOCALHOST)) return [wrongType];
  if (annotation.slice(LOCALHOST.length) === localhostProfile) return [];
  const detail = `${kind} profile in annotation and field must match`;
  return [field.forbidden(`${path}.localhostProfile`, detail)];
}
