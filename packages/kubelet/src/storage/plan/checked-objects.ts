import type {
  CsiDriver,
  CsiNode,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  VolumeAttachment,
} from '@nodeagent/kube-client';

import { checkTypes } from '../../pod/index.js';

/*
 * Objects of the API whose members, as far as storage reads them, have the types that the API promises:
 * an API server of another make, or a proxy before it, might send anything. Each function throws a
 * TypeError that names the first member of another type.
 */

const METADATA = {
  name: 'string, if any',
  namespace: 'string, if any',
  uid: 'string, if any',
  deletionTimestamp: 'string, if any',
  finalizers: 'list of strings, if any',
  annotations: 'map of strings, if any',
  labels: 'map of strings, if any',
  ownerReferences: 'list, if any',
} as const;

type Kinds = Parameters<typeof checkTypes>[1];

const CLAIM = {
  volumeName: 'string, if any',
  accessModes: 'list of strings, if any',
} as const;

const CLAIM_STATUS = {
  phase: 'string, if any',
  capacity: 'map of strings, if any',
  allocatedResources: 'map of strings, if any',
  allocatedResourceStatuses: 'map of strings, if any',
  conditions: 'list, if any',
} as const;

export function checkedClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim {
  checkMetadata(claim);
  const spec = checkMember(claim, 'spec', CLAIM);
  checkMember(spec, 'resources', { requests: 'map of strings, if any' }, 'spec.');
  const { conditions = [] } = checkMember(claim, 'status', CLAIM_STATUS);
  checkItems(conditions as readonly unknown[], { type: 'string' }, 'status.conditions');
  return claim;
}

const VOLUME = {
  accessModes: 'list of strings, if any',
  mountOptions: 'list of strings, if any',
  volumeMode: 'string, if any',
  capacity: 'map of strings, if any',
} as const;

const CLAIM_REF = { uid: 'string, if any', namespace: 'string, if any' } as const;

const CSI_SOURCE = {
  driver: 'string',
  volumeHandle: 'string',
  fsType: 'string, if any',
  readOnly: 'boolean, if any',
  volumeAttributes: 'map of strings, if any',
} as const;

const SECRET_REFS = ['nodeStageSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'];
const SECRET_REF = { name: 'string, if any', namespace: 'string, if any' } as const;

export function checkedVolume(volume: PersistentVolume): PersistentVolume {
  checkMetadata(volume);
  const spec = checkMember(volume, 'spec', VOLUME);
  checkMember(spec, 'claimRef', CLAIM_REF, 'spec.');
  checkAffinity(spec);
  checkMember(spec, 'hostPath', { path: 'string', type: 'string, if any' }, 'spec.');
  checkMember(spec, 'local', { path: 'string', fsType: 'string, if any' }, 'spec.');
  checkMember(spec, 'nfs', { server: 'string', path: 'string' }, 'spec.');
  const csi = checkMember(spec, 'csi', CSI_SOURCE, 'spec.');
  for (const ref of SECRET_REFS) checkMember(csi, ref, SECRET_REF, 'spec.csi.');
  return volume;
}

function checkAffinity(spec: object): void {
  const affinity = checkMember(spec, 'nodeAffinity', {}, 'spec.');
  const at = 'spec.nodeAffinity.required.';
  const kinds = { nodeSelectorTerms: 'list, if any' } as const;
  const required = checkMember(affinity, 'required', kinds, 'spec.nodeAffinity.');
  const terms = (required['nodeSelectorTerms'] ?? []) as readonly Readonly<
    Record<string, unknown>
  >[];
  checkItems(terms, { matchExpressions: 'list, if any' }, `${at}nodeSelectorTerms`);
  for (const { matchExpressions = [] } of terms) {
    const expressions = matchExpressions as readonly unknown[];
    checkItems(expressions, { key: 'string' }, `${at}nodeSelectorTerms.matchExpressions`);
  }
}

const DRIVER = {
  attachRequired: 'boolean, if any',
  podInfoOnMount: 'boolean, if any',
  requiresRepublish: 'boolean, if any',
  fsGroupPolicy: 'string, if any',
  volumeLifecycleModes: 'list of strings, if any',
  tokenRequests: 'list, if any',
  serviceAccountTokenInSecrets: 'boolean, if any',
  seLinuxMount: 'boolean, if any',
  nodeAllocatableUpdatePeriodSeconds: 'integer, if any',
} as const;

const TOKEN_REQUEST = { audience: 'string', expirationSeconds: 'integer, if any' } as const;

export function checkedDriver(driver: CsiDriver): CsiDriver {
  checkMetadata(driver);
  const { tokenRequests = [] } = checkMember(driver, 'spec', DRIVER);
  checkItems(tokenRequests as readonly unknown[], TOKEN_REQUEST, 'spec.tokenRequests');
  return driver;
}

export function checkedAttachment(attachment: VolumeAttachment): VolumeAttachment {
  checkMetadata(attachment);
  const kinds = {
    attached: 'boolean, if any',
    attachmentMetadata: 'map of strings, if any',
  } as const;
  const status = checkMember(attachment, 'status', kinds);
  const failure = { message: 'string, if any', errorCode: 'integer, if any' } as const;
  checkMember(status, 'attachError', failure, 'status.');
  return attachment;
}

/** A Node, as far as its status lists volumes. */
export function checkedNode(node: Node): Node {
  const status = checkMember(node, 'status', { volumesAttached: 'list, if any' });
  const attached = (status['volumesAttached'] ?? []) as readonly unknown[];
  checkItems(attached, { name: 'string' }, 'status.volumesAttached');
  return node;
}

const NODE_DRIVER = {
  name: 'string',
  nodeID: 'string, if any',
  topologyKeys: 'list of strings, if any',
  allocatable: 'object, if any',
} as const;

export function checkedCsiNode(node: CsiNode): CsiNode {
  checkMetadata(node);
  checkTypes({ ...node }, { spec: 'object' });
  const { drivers = [] } = checkMember(node, 'spec', { drivers: 'list, if any' });
  checkItems(drivers as readonly unknown[], NODE_DRIVER, 'spec.drivers');
  return node;
}

function checkMetadata(object: object): void {
  const { ownerReferences = [] } = checkMember(object, 'metadata', METADATA);
  const kinds = { uid: 'string, if any', controller: 'boolean, if any' } as const;
  checkItems(ownerReferences as readonly unknown[], kinds, 'metadata.ownerReferences');
}

/** @returns the member, or an empty object if it is missing */
function checkMember(
  object: object,
  name: string,
  kinds: Kinds,
  at = '',
): Readonly<Record<string, unknown>> {
  const fields: Readonly<Record<string, unknown>> = { ...object };
  checkTypes(fields, { [name]: 'object, if any' }, at);
  const member = fields[name] as Readonly<Record<string, unknown>> | undefined;
  if (member === undefined) return {};
  checkTypes(member, kinds, `${at}${name}.`);
  return member;
}

function checkItems(items: readonly unknown[], kinds: Kinds, at: string): void {
  items.forEach((item, i) => {
    checkTypes({ [i]: item }, { [i]: 'object' }, `${at}.`);
    checkTypes(item as Readonly<Record<string, unknown>>, kinds, `${at}.${i}.`);
  });
}
