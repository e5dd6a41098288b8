import { asWritten, type Container, type Pod, type PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors, dnsSubdomainErrors } from '../dns-names.js';
import { annotatedProfileErrors, matchingProfileErrors } from './annotations.js';
import { each, type Errors, inRange, isEmpty, neededOneOf } from './checks.js';
import { sharedNetworkErrors } from './container-ports.js';
import { containersErrors } from './containers.js';
import { userDeviceErrors } from './mounts.js';
import { namingErrors } from './names.js';
import { podResourceErrors } from './pod-amounts.js';
import { schedulingErrors } from './scheduling.js';
import { podSecurityErrors, userNamespaceErrors } from './security.js';
import { checkVolumes } from './volumes.js';

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const SYSTEMS = ['linux', 'windows'];
const LONGEST_DEADLINE_SECONDS = 2 ** 31 - 1;

/** Feature gates that allow more. */
export interface PodFeatures {
  /** Allows a user namespace in the host's network. */
  readonly UserNamespacesHostNetworkSupport?: boolean;
}

/**
 * The errors for which an API server refuses a pod's spec, or a pod template's; defaults must be
 * filled in. Feature gates have their default values unless given.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidatePodSpec
 */
export function validatePodSpec(
  spec: PodSpec | undefined,
  path: string,
  features: PodFeatures = {},
): Errors {
  return specErrors(spec ?? { containers: [] }, path, { isPod: false, features });
}

/**
 * The errors for which an API server refuses a pod on every write; of its metadata only the
 * annotations are checked.
 */
export function validatePod(pod: Pod, features: PodFeatures = {}): Errors {
  const { metadata, spec = { containers: [] } } = pod;
  const containers = containersOf(spec, 'spec');
  return [
    ...annotatedProfileErrors(metadata?.annotations ?? {}, containers),
    ...specErrors(spec, 'spec', { isPod: true, features }),
    ...containers.flatMap(({ container, path }) => paddingErrors(container, path)),
    ...tokenErrors(spec),
  ];
}

/** The errors for which an API server refuses a new pod. */
export function validateNewPod(pod: Pod, features: PodFeatures = {}): Errors {
  const { metadata, spec } = pod;
  const isHeld = (spec?.schedulingGates ?? []).length > 0 && !isEmpty(spec?.nodeName);
  const held = 'cannot be set until all schedulingGates have been cleared';
  const hasVisitors = (spec?.ephemeralContainers ?? []).length > 0;
  return [
    ...validatePod(pod, features),
    ...(hasVisitors
      ? [field.forbidden('spec.ephemeralContainers', 'cannot be set on create')]
      : []),
    ...(isHeld ? [field.forbidden('spec.nodeName', held)] : []),
    ...(spec === undefined
      ? []
      : matchingProfileErrors(metadata?.annotations ?? {}, spec, containersOf(spec, 'spec'))),
  ];
}

interface PlacedContainer {
  readonly container: Container;
  readonly path: string;
}

function containersOf(spec: PodSpec, path: string): readonly PlacedContainer[] {
  const kinds = ['initContainers', 'containers', 'ephemeralContainers'] as const;
  return kinds.flatMap((kind) => {
    const list: readonly Container[] = spec[kind] ?? [];
    return list.map((container, i) => ({ container, path: `${path}.${kind}[${i}]` }));
  });
}

function specErrors(
  spec: PodSpec,
  path: string,
  { isPod, features }: Readonly<{ isPod: boolean; features: PodFeatures }>,
): Errors {
  const { errors, good } = checkVolumes(spec, `${path}.volumes`);
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const graceAt = `${path}.terminationGracePeriodSeconds`;
  return [
    ...(spec.terminationGracePeriodSeconds === undefined ? [field.required(graceAt)] : []),
    ...errors,
    ...claimErrors(spec, `${path}.resourceClaims`),
    ...containersErrors(path, { spec, volumes: good, claims }),
    ...podResourceErrors(spec, path),
    ...(spec.hostNetwork === true
      ? sharedNetworkErrors(asWritten(spec).containers ?? [], `${path}.containers`, isPod)
      : []),
    ...neededOneOf(`${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES),
    ...podSecurityErrors(spec, path),
    ...userNamespaceErrors(spec, path, features.UserNamespacesHostNetworkSupport === true),
    ...userDeviceErrors(containersOf(spec, path), spec),
    ...namingErrors(spec, path),
    ...schedulingErrors(spec, path),
    ...inRange(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, [
      1,
      LONGEST_DEADLINE_SECONDS,
    ]),
    ...systemErrors(spec, path),
  ];
}

/** Skips Windows pods: no node here can run one. */
function systemErrors(spec: PodSpec, path: string): Errors {
  const { os, securityContext } = spec;
  if (os === undefined) return [];
  if (isEmpty(os.name)) return [field.required(`${path}.os.name`)];
  if (!SYSTEMS.includes(os.name)) return [field.notSupported(`${path}.os`, os.name, SYSTEMS)];
  if (os.name === 'windows') return [];
  const contexts = [
    [path, securityContext] as const,
    ...containersOf(spec, path).map((one) => [one.path, one.container.securityContext] as const),
  ];
  return contexts
    .filter(([, context]) => context?.windowsOptions !== undefined)
    .map(([owner]) => {
      const where = `${owner}.securityContext.windowsOptions`;
      return field.forbidden(where, 'windows options cannot be set for a linux pod');
    });
}

function claimErrors({ resourceClaims }: PodSpec, path: string): Errors {
  const names = new Set<string>();
  return each(resourceClaims, path, (claim, where) => {
    const { name = '', resourceClaimName, resourceClaimTemplateName } = asWritten(claim);
    const nameAt = `${where}.name`;
    const isTwice = names.has(name);
    names.add(name);
    const sources = [
      ['resourceClaimName', resourceClaimName],
      ['resourceClaimTemplateName', resourceClaimTemplateName],
    ] as const;
    const named = sources.filter(([, value]) => value !== undefined);
    const detail =
      named.length === 0
        ? 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'
        : 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
    return [
      ...(name === ''
        ? [field.required(nameAt)]
        : isTwice
          ? [field.duplicate(nameAt, name)]
          : dnsLabelErrors(nameAt, name)),
      ...(named.length === 1 ? [] : [field.invalid(where, claim, detail)]),
      ...named.flatMap(([kind, value = '']) => dnsSubdomainErrors(`${where}.${kind}`, value)),
    ];
  });
}

function paddingErrors({ image = '' }: Container, path: string): Errors {
  if (image === image.trim()) return [];
  const detail = 'must not have leading or trailing whitespace';
  return [field.invalid(`${path}.image`, image, detail)];
}

/** A token needs a service account. */
function tokenErrors({ serviceAccountName, volumes }: PodSpec): Errors {
  if (!isEmpty(serviceAccountName)) return [];
  const detail = 'must not be specified when serviceAccountName is not set';
  return each(volumes, 'spec.volumes', ({ projected }, where) =>
    each(projected?.sources, `${where}.projected.sources`, ({ serviceAccountToken }, at) =>
      serviceAccountToken === undefined
        ? []
        : [field.forbidden(`${at}.serviceAccountToken`, detail)],
    ),
  );
}
