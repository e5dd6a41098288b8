import type { PodSpec } from '@nodeagent/kube-client';

import type { Admission } from '../model/admission.js';
import { StatusError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { kindOf } from '../model/kinds.js';
import { type ApiObject, deepEqual, textAt } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import { typed } from '../model/typed.js';
import {
  certificateRequestProblem,
  mirrorPodProblem,
  nodeWriteProblem,
} from '../plan/node-restriction.js';
import { isResize, resizeProblem } from '../plan/resize-fit.js';
import { addDefaultTolerations, addServiceAccount } from '../plan/service-account-volume.js';
import { defaultClassName, expansionProblem } from '../plan/storage-admission.js';
import type { Expressions } from './expressions.js';
import { nodeNameOf } from './node-authorizer.js';
import type { CheckParamAccess } from './param-access.js';
import type { Registry } from './registry.js';
import type { ServiceAddresses } from './service-addresses.js';

const NAMESPACES = kindOf('', 'namespaces');
const NODES = kindOf('', 'nodes');
const PODS = kindOf('', 'pods');
const SERVICE_ACCOUNTS = kindOf('', 'serviceaccounts');
const STORAGE_CLASSES = kindOf('storage.k8s.io', 'storageclasses');
const PRIORITY_CLASSES = kindOf('scheduling.k8s.io', 'priorityclasses');

/** Namespaces that cannot be deleted. @see Kubernetes apiserver pkg/admission/plugin/namespace/lifecycle */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export interface AdmissionOptions {
  readonly registry: Registry;
  readonly addresses: ServiceAddresses;
  readonly expressions: Expressions;
  readonly checkParamAccess: CheckParamAccess;
  readonly newSuffix: () => string;
}

/**
 * The admission plug-ins that make the server behave like a cluster: namespaces, service accounts,
 * priorities, addresses.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { registry, addresses, expressions, checkParamAccess, newSuffix } = options;
  return {
    create: (kind, draft, context) => {
      checkNamespace(registry, kind, draft);
      if (kind.storage === 'pods' && isMirror(draft)) refuse(kind, draft, mirrorPodProblem(draft));
      restrictNodeWrite(registry, kind, { draft, old: undefined }, context);
      checkParamAccess(kind, { user: context.user, object: draft, old: undefined });
      if (kind.storage === 'pods') admitPod(registry, draft, newSuffix);
      if (kind.storage === 'persistentvolumeclaims') setStorageClass(registry, draft);
    },
    update: (kind, { draft, old }, context) => {
      restrictNodeWrite(registry, kind, { draft, old }, context);
      checkParamAccess(kind, { user: context.user, object: draft, old });
      if (kind.storage === 'pods') checkResize(registry, draft, old);
      if (kind.storage === 'persistentvolumeclaims') {
        const classes = registry.all(STORAGE_CLASSES);
        refuse(kind, draft, expansionProblem(draft, old, classes));
      }
    },
    allocate: (kind, { draft, old }) => {
      if (kind.storage !== 'services' || deepEqual(draft.spec, old?.spec)) return undefined;
      const { spec } = typed('Service', draft);
      const before = old === undefined ? undefined : typed('Service', old).spec;
      if (spec === undefined || (old !== undefined && before === undefined)) return undefined;
      const undo = addresses.assign(spec, before, draft.metadata.name ?? '');
      const commit = (): void => {
        if (before !== undefined) addresses.release(before, spec);
      };
      return { undo, commit };
    },
    validate: (kind, object) => expressions.errorsOf(kind, object),
    delete: (kind, object) => {
      if (kind.storage === 'namespaces' && IMMORTAL.has(object.metadata.name ?? '')) {
        throw statusError.forbidden(
          kind,
          object.metadata.name ?? '',
          'this namespace may not be deleted',
        );
      }
    },
    removed: (kind, object) => {
      if (kind.storage !== 'services') return;
      const { spec } = typed('Service', object);
      if (spec !== undefined) addresses.release(spec, undefined);
    },
  };
}

function restrictNodeWrite(
  registry: Registry,
  kind: Kind,
  change: Readonly<{ draft: ApiObject; old: ApiObject | undefined }>,
  { user }: WriteContext,
): void {
  const name = nodeNameOf(user);
  if (name === undefined) return;
  const uid = registry.find(NODES, { namespace: '', name })?.metadata.uid ?? '';
  refuse(kind, change.draft, nodeWriteProblem(kind.storage, { name, uid }, change));
  if (kind.storage !== 'podcertificaterequests.certificates.k8s.io') return;
  const { namespace = '' } = change.draft.metadata;
  const named = (path: string) => ({ namespace, name: textAt(change.draft, path) });
  const pod = registry.find(PODS, named('spec.podName'));
  const serviceAccount = registry.find(SERVICE_ACCOUNTS, named('spec.serviceAccountName'));
  const objects = { pod, serviceAccount };
  refuse(kind, change.draft, certificateRequestProblem({ name, uid }, change.draft, objects));
}

/** @throws {StatusError} 403 when a reason is given */
function refuse(kind: Kind, { metadata }: ApiObject, why: string | undefined): void {
  if (why !== undefined) throw statusError.forbidden(kind, metadata.name ?? '', why);
}

function isMirror({ metadata }: ApiObject): boolean {
  return metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

function checkNamespace(registry: Registry, kind: Kind, draft: ApiObject): void {
  const name = draft.metadata.namespace;
  if (!kind.namespaced || name === undefined) return;
  const namespace = registry.get(NAMESPACES, { namespace: '', name });
  if (namespace.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${name} because it is being terminated`;
  const error = statusError.forbidden(kind, draft.metadata.name ?? '', why);
  throw new StatusError(403, 'Forbidden', error.message, {
    details: {
      ...error.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${name} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  });
}

function admitPod(registry: Registry, draft: ApiObject, newSuffix: () => string): void {
  const pod = typed('Pod', draft);
  const { spec } = pod;
  if (spec === undefined) return;
  const namespace = draft.metadata.namespace ?? '';
  if (!isMirror(draft)) {
    const name = spec.serviceAccountName || 'default';
    const account = registry.find(SERVICE_ACCOUNTS, { namespace, name });
    if (account === undefined) {
      const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
      throw new StatusError(
        403,
        'Forbidden',
        `pods "${draft.metadata.name}" is forbidden: ${why}`,
        {
          details: { name: draft.metadata.name ?? '', kind: 'pods' },
        },
      );
    }
    addServiceAccount(pod, account, newSuffix());
    addDefaultTolerations(pod);
  }
  setPriority(registry, spec, draft);
}

function setPriority(registry: Registry, spec: PodSpec, draft: ApiObject): void {
  const classes = registry.all(PRIORITY_CLASSES);
  const wanted = spec.priorityClassName ?? '';
  const found =
    wanted === ''
      ? classes.find((candidate) => candidate['globalDefault'] === true)
      : classes.find((candidate) => candidate.metadata.name === wanted);
  if (wanted !== '' && found === undefined) {
    const why = `no PriorityClass with name ${wanted} was found`;
    throw statusError.forbidden({ group: '', plural: 'pods' }, draft.metadata.name ?? '', why);
  }
  if (found?.metadata.name !== undefined) spec.priorityClassName = found.metadata.name;
  spec.priority = Number(found?.['value'] ?? 0);
  spec.preemptionPolicy ??= textAt(found, 'preemptionPolicy') || 'PreemptLowerPriority';
}

function setStorageClass(registry: Registry, draft: ApiObject): void {
  const name = defaultClassName(draft, registry.all(STORAGE_CLASSES));
  if (name !== undefined) draft.spec = { ...draft.spec, storageClassName: name };
}

/** Pods without a node may request any amount: the requests decide which node they get. */
function checkResize(registry: Registry, draft: ApiObject, old: ApiObject): void {
  const pod = typed('Pod', draft);
  const name = pod.spec?.nodeName ?? '';
  if (name === '' || !isResize(pod, typed('Pod', old))) return;
  const node = registry.find(NODES, { namespace: '', name });
  refuse(PODS, draft, resizeProblem(pod, node));
}
