import { Buffer } from 'node:buffer';

import type { PodSpec } from '@nodeagent/kube-client';
import { defaultPod, validatePod } from '@nodeagent/pod-rules';

import { field } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { type ApiObject, deepEqual, isObject } from '../model/object.js';
import { typed } from '../model/typed.js';
import {
  certificateRequest,
  podCertificateRequest,
  trustBundle,
} from './certificate-strategies.js';
import { customStrategy } from './custom/custom-strategy.js';
import { definition } from './custom/definition-strategy.js';
import { qosClassOf } from './pod-qos.js';
import { validatePodUpdate } from './pod-update.js';
import { admissionPolicy, admissionPolicyBinding } from './policies/policy-strategy.js';
import { defaultServiceSpec, validateServiceSpec } from './service-strategy.js';
import {
  csiDriver,
  defaultSlicePorts,
  storageClass,
  volume,
  volumeClaim,
} from './storage-strategies.js';
import type { Strategy } from './strategy.js';
import { webhookConfiguration } from './webhooks/configuration-strategy.js';
import {
  defaultDeployment,
  defaultReplicaSet,
  defaultStatefulSet,
  defaultTemplate,
  validateWorkload,
  validateWorkloadUpdate,
} from './workload-defaults.js';

/** A node may support fewer features than its API server: then the node refuses. */
const FEATURES = { UserNamespacesHostNetworkSupport: true };

const pod: Strategy = {
  create: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  defaults: (draft) => {
    const { spec } = typed('Pod', draft);
    if (spec === undefined) return;
    defaultPod(spec);
    if (draft.status !== undefined && draft.status['qosClass'] === undefined) {
      draft.status['qosClass'] = qosClassOf(spec);
    }
  },
  validate: (object) => validatePod(typed('Pod', object), FEATURES),
  validateUpdate: (object, old) =>
    validatePodUpdate(typed('Pod', object).spec as PodSpec, typed('Pod', old).spec as PodSpec),
};

const service: Strategy = {
  create: (draft) => {
    draft.status = { loadBalancer: {} };
  },
  defaults: (draft) => {
    const { spec } = typed('Service', draft);
    if (spec !== undefined) defaultServiceSpec(spec);
  },
  validate: (object) => validateServiceSpec(typed('Service', object).spec),
  validateUpdate: (object, old) => {
    const { spec } = typed('Service', object);
    const before = typed('Service', old).spec?.clusterIP ?? '';
    const same = before === '' || before === spec?.clusterIP || spec?.type === 'ExternalName';
    const detail = 'may not change once set';
    return same ? [] : [field.invalid('spec.clusterIPs[0]', spec?.clusterIP, detail)];
  },
};

const node: Strategy = {
  validateUpdate: (object, old) => {
    const before = typed('Node', old).spec?.providerID ?? '';
    const after = typed('Node', object).spec?.providerID ?? '';
    if (before === '' || before === after) return [];
    return [
      field.forbidden(
        'spec.providerID',
        'node updates may not change providerID except from "" to valid',
      ),
    ];
  },
};

const namespace: Strategy = {
  create: (draft) => {
    draft.spec = { finalizers: ['kubernetes'] };
    draft.status = { phase: 'Active' };
  },
  defaults: (draft) => {
    const name = draft.metadata.name ?? '';
    draft.metadata.labels = { ...draft.metadata.labels, 'kubernetes.io/metadata.name': name };
  },
};

const secret: Strategy = {
  defaults: (draft) => {
    draft['type'] ||= 'Opaque';
    const plain = draft['stringData'];
    if (!isObject(plain)) return;
    const coded = Object.entries(plain).map(([key, value]) => {
      return [key, Buffer.from(String(value)).toString('base64')];
    });
    draft['data'] = { ...(draft['data'] as object | undefined), ...Object.fromEntries(coded) };
    delete draft['stringData'];
  },
  validateUpdate: (object, old) => [
    ...(object['type'] === old['type']
      ? []
      : [field.invalid('type', object['type'], 'field is immutable')]),
    ...immutableData(object, old),
  ],
};

function immutableData(object: ApiObject, old: ApiObject): ReturnType<typeof field.forbidden>[] {
  if (old['immutable'] !== true) return [];
  const same = deepEqual(object['data'], old['data']) && object['immutable'] === true;
  return same ? [] : [field.forbidden('data', 'field is immutable when `immutable` is set')];
}

const withoutStatus: Strategy['create'] = (draft) => {
  draft.status = {};
};

const workload: Strategy = { create: withoutStatus, validateUpdate: validateWorkloadUpdate };

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  pods: pod,
  services: service,
  nodes: node,
  namespaces: namespace,
  secrets: secret,
  configmaps: { validateUpdate: immutableData },
  'customresourcedefinitions.apiextensions.k8s.io': definition,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfiguration,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfiguration,
  'validatingadmissionpolicies.admissionregistration.k8s.io': admissionPolicy,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': admissionPolicyBinding,
  'deployments.apps': {
    ...workload,
    defaults: (draft) => defaultDeployment(typed('Deployment', draft)),
    validate: validateWorkload,
  },
  'replicasets.apps': {
    ...workload,
    defaults: (draft) => defaultReplicaSet(typed('ReplicaSet', draft)),
    validate: validateWorkload,
  },
  'daemonsets.apps': { ...workload, defaults: defaultTemplate, validate: validateWorkload },
  'statefulsets.apps': {
    ...workload,
    defaults: (draft) => defaultStatefulSet(typed('StatefulSet', draft)),
    validate: validateWorkload,
  },
  'jobs.batch': { create: withoutStatus, defaults: defaultTemplate },
  'certificatesigningrequests.certificates.k8s.io': certificateRequest,
  'clustertrustbundles.certificates.k8s.io': trustBundle,
  'podcertificaterequests.certificates.k8s.io': podCertificateRequest,
  persistentvolumeclaims: volumeClaim,
  persistentvolumes: volume,
  'csidrivers.storage.k8s.io': csiDriver,
  'storageclasses.storage.k8s.io': storageClass,
  'endpointslices.discovery.k8s.io': {
    defaults: defaultSlicePorts,
    validateUpdate: (object, old) =>
      object['addressType'] === old['addressType']
        ? []
        : [field.invalid('addressType', object['addressType'], 'field is immutable')],
    validate: (object) =>
      object['addressType'] === undefined ? [field.required('addressType')] : [],
  },
};

const NONE: Strategy = {};
const ofCustomKinds = new WeakMap<Kind, Strategy>();

export function strategyOf(kind: Kind): Strategy {
  const { custom } = kind;
  if (custom === undefined) return STRATEGIES[kind.storage] ?? NONE;
  const strategy = ofCustomKinds.get(kind) ?? customStrategy(kind, custom);
  ofCustomKinds.set(kind, strategy);
  return strategy;
}
