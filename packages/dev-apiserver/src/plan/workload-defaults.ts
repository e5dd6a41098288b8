import {
  asWritten,
  type Deployment,
  type PodSpec,
  type ReplicaSet,
  type StatefulSet,
} from '@nodeagent/kube-client';
import { defaultPodSpec, validatePodSpec } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../model/errors.js';
import {
  type ApiObject,
  deepEqual,
  isObject,
  type JsonObject,
  listAt,
  textAt,
  valueAt,
} from '../model/object.js';
import { matchesLabels } from '../model/selectors.js';

/** @see Kubernetes 1.36 pkg/apis/apps/v1/defaults.go */
export function defaultDeployment(deployment: Deployment): void {
  const { spec } = deployment;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  const { template } = asWritten(spec);
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

export function defaultReplicaSet(replicaSet: ReplicaSet): void {
  const { spec } = replicaSet;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  if (spec.template?.spec !== undefined) defaultPodSpec(spec.template.spec);
}

/** @see Kubernetes 1.36 pkg/apis/apps/v1/defaults.go, SetDefaults_StatefulSet */
export function defaultStatefulSet(set: StatefulSet): void {
  const { spec } = set;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.spec ??= {};
    claim.spec.volumeMode ||= 'Filesystem';
    claim.status ??= { phase: 'Pending' };
  }
  const { template } = asWritten(spec);
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

/** Sets only the fields that jobs and daemon sets need to be readable. */
export function defaultTemplate({ spec = {} }: ApiObject): void {
  const { template }: { template?: { spec?: PodSpec } } = spec;
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

export function validateWorkload(object: ApiObject): readonly FieldError[] {
  const spec: JsonObject = object.spec ?? {};
  const errors: FieldError[] = [];
  const replicas = spec['replicas'];
  if (typeof replicas === 'number' && replicas < 0) {
    const detail = 'must be greater than or equal to 0';
    errors.push(field.invalid('spec.replicas', replicas, detail));
  }
  const wanted = valueAt(spec, 'selector.matchLabels');
  const labels = valueAt(spec, 'template.metadata.labels');
  if (!isObject(spec['selector'])) errors.push(field.required('spec.selector'));
  else if (isObject(wanted)) {
    const requirements = Object.entries(wanted).map(([key, value]) => {
      return { kind: 'in', key, values: [String(value)] } as const;
    });
    const have = isObject(labels) ? (labels as Record<string, string>) : {};
    if (!matchesLabels(requirements, have)) {
      const detail = '`selector` does not match template `labels`';
      errors.push(field.invalid('spec.template.metadata.labels', have, detail));
    }
  }
  const podSpec = podSpecOf(spec);
  return [...errors, ...validatePodSpec(podSpec, 'spec.template.spec')];
}

type TemplateSpec = Parameters<typeof validatePodSpec>[0];

/** Returns the template's spec with a volume for each claim that a stateful set's pods get. */
function podSpecOf(spec: JsonObject): TemplateSpec {
  const { template = {} }: { template?: { spec?: PodSpec } } = spec;
  const claims = listAt(spec, 'volumeClaimTemplates');
  if (claims.length === 0 || template.spec === undefined) return template.spec;
  const claimed = claims.map((claim) => ({
    name: textAt(claim, 'metadata.name'),
    persistentVolumeClaim: { claimName: 'claim' },
  }));
  const { volumes = [] } = template.spec;
  const others = volumes.filter((volume) => !claimed.some(({ name }) => name === volume.name));
  return { ...template.spec, volumes: [...claimed, ...others] };
}

export function validateWorkloadUpdate(object: ApiObject, old: ApiObject): readonly FieldError[] {
  const selector = object.spec?.['selector'];
  if (deepEqual(selector, old.spec?.['selector'])) return [];
  return [field.invalid('spec.selector', selector, 'field is immutable')];
}
