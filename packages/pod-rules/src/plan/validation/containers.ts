import { asWritten, type Container, type PodSpec, type Volume } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors } from '../dns-names.js';
import { containerResourceNameErrors, resourceErrors } from './amounts.js';
import { each, type Errors, needed, neededOneOf } from './checks.js';
import { containerPortErrors, hostPortErrors } from './container-ports.js';
import { environmentErrors } from './environment.js';
import { lifeErrors, noLifeErrors } from './handlers.js';
import { mountErrors } from './mounts.js';
import { initResizeErrors, resizePolicyErrors, restartErrors } from './restarts.js';
import { securityErrors } from './security.js';

type Ephemeral = NonNullable<PodSpec['ephemeralContainers']>[number];

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];
/** Fields that ephemeral containers must not have: the pod must not depend on such a container. */
const NOT_EPHEMERAL = [
  ...(['ports', 'resources', 'lifecycle', 'livenessProbe', 'readinessProbe'] as const),
  ...(['startupProbe', 'resizePolicy', 'restartPolicy', 'restartPolicyRules'] as const),
];

/** The parts of the pod that the checks of its containers need. */
export interface PodParts {
  readonly spec: PodSpec;
  /** The volumes without errors. */
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claims: ReadonlySet<string>;
}

/**
 * Checks containers of every role: names are unique in the pod, host ports among containers that
 * run at the same time.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validateContainers,
 *   validateInitContainers, validateEphemeralContainers
 */
export function containersErrors(path: string, parts: PodParts): Errors {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = asWritten(parts.spec);
  const mainAt = `${path}.containers`;
  const initAt = `${path}.initContainers`;
  const names = new Set<string>();
  return [
    ...(containers.length === 0 ? [field.required(mainAt)] : []),
    ...each(containers, mainAt, (container, where) => [
      ...commonErrors(container, where, parts),
      ...nameErrors(container, where, names),
      ...lifeErrors(container, where, parts.spec),
      ...restartErrors(container, where),
    ]),
    ...hostPortErrors(containers, mainAt),
    ...each(initContainers, initAt, (container, where) => [
      ...commonErrors(container, where, parts),
      ...restartErrors(container, where),
      ...nameErrors(container, where, names),
      ...hostPortErrors([container], initAt),
      ...(container.restartPolicy === 'Always'
        ? lifeErrors(container, where, parts.spec)
        : noLifeErrors(container, where)),
      ...initResizeErrors(container, where),
    ]),
    ...ephemeralErrors(ephemeralContainers, `${path}.ephemeralContainers`, { names, parts }),
  ];
}

function nameErrors({ name }: Container, path: string, names: Set<string>): Errors {
  const isTwice = names.has(name);
  if (name !== '') names.add(name);
  return isTwice ? [field.duplicate(`${path}.name`, name)] : [];
}

function commonErrors(container: Container, path: string, parts: PodParts): Errors {
  const { name = '', image, resources, securityContext } = asWritten(container);
  const { spec, volumes, claims } = parts;
  const nameAt = `${path}.name`;
  return [
    ...(name === '' ? [field.required(nameAt)] : dnsLabelErrors(nameAt, name)),
    ...needed(`${path}.image`, image),
    ...neededOneOf(
      `${path}.terminationMessagePolicy`,
      container.terminationMessagePolicy,
      MESSAGE_POLICIES,
    ),
    ...containerPortErrors(container.ports ?? [], `${path}.ports`),
    ...environmentErrors(container, path, spec),
    ...mountErrors(container, path, volumes),
    ...neededOneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES),
    ...(resources === undefined
      ? []
      : resourceErrors(`${path}.resources`, resources, {
          isName: containerResourceNameErrors,
          claims,
        })),
    ...resizePolicyErrors(container, `${path}.resizePolicy`, spec.restartPolicy),
    ...(securityContext === undefined
      ? []
      : securityErrors(securityContext, `${path}.securityContext`, spec.hostUsers !== false)),
  ];
}

function ephemeralErrors(
  containers: readonly Ephemeral[],
  path: string,
  { names, parts }: Readonly<{ names: Set<string>; parts: PodParts }>,
): Errors {
  const targets = new Set(names);
  return each(containers, path, (container, where) => {
    const { targetContainerName: target = '', volumeMounts } = container;
    const set = NOT_EPHEMERAL.filter((name) => isSet(container[name]));
    const detail = 'cannot be set for an Ephemeral Container';
    return [
      ...commonErrors(container, where, parts),
      ...nameErrors(container, where, names),
      ...(target !== '' && !targets.has(target)
        ? [field.notFound(`${where}.targetContainerName`, target)]
        : []),
      ...set.map((name) => field.forbidden(`${where}.${name}`, detail)),
      ...each(volumeMounts, `${where}.volumeMounts`, (mount, at) =>
        (['subPath', 'subPathExpr'] as const)
          .filter((name) => (mount[name] ?? '') !== '')
          .map((name) => field.forbidden(`${at}.${name}`, detail)),
      ),
    ];
  });
}

/** An empty object counts as absent. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
