import type { Kind } from '../model/kind.js';
import { isObject, type JsonObject } from '../model/object.js';
import { fieldsOf, type FieldType } from '../model/schema.js';

/**
 * Fields that Go always writes, by type → `field` (an explicit null: nil lists, maps, pointers and
 * times), `field{}` (a struct), `field""`, `field0` and `field!` (false).
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/api: fields without `omitempty`, and structs with it,
 * which encoding/json also writes
 */
const ALWAYS: Readonly<Record<string, string>> = {
  AuthenticationV1TokenRequest: 'metadata{} spec{} status{}',
  CoreV1Event:
    'metadata{} involvedObject{} source{} firstTimestamp lastTimestamp eventTime reportingComponent"" reportingInstance""',
  EventsV1Event: 'eventTime',
  StorageV1TokenRequest: 'audience""',
  V1CSIDriver: 'metadata{} spec{}',
  V1CertificateSigningRequest: 'metadata{} spec{} status{}',
  V1CertificateSigningRequestCondition: 'type"" status"" lastUpdateTime lastTransitionTime',
  V1CertificateSigningRequestSpec: 'request signerName""',
  V1ConfigMap: 'metadata{}',
  V1ConfigMapKeySelector: 'key""',
  V1Container: 'name"" resources{}',
  V1ContainerImage: 'names',
  V1ContainerStateRunning: 'startedAt',
  V1ContainerStateTerminated: 'exitCode0 startedAt finishedAt',
  V1ContainerStatus: 'name"" state{} lastState{} ready! restartCount0 image"" imageID""',
  V1DaemonEndpoint: 'Port0',
  V1Deployment: 'metadata{} spec{} status{}',
  V1DeploymentCondition: 'type"" status"" lastUpdateTime lastTransitionTime',
  V1DeploymentSpec: 'selector template{} strategy{}',
  V1Endpoint: 'addresses conditions{}',
  V1EndpointSlice: 'metadata{} addressType"" endpoints ports',
  V1EnvVar: 'name""',
  V1EphemeralContainer: 'name"" resources{}',
  V1KeyToPath: 'key"" path""',
  V1Lease: 'metadata{} spec{}',
  V1Namespace: 'metadata{} spec{} status{}',
  V1Node: 'metadata{} spec{} status{}',
  V1NodeCondition: 'type"" status"" lastHeartbeatTime lastTransitionTime',
  V1NodeDaemonEndpoints: 'kubeletEndpoint{}',
  V1NodeStatus: 'daemonEndpoints{} nodeInfo{}',
  V1NodeSystemInfo:
    'machineID"" systemUUID"" bootID"" kernelVersion"" osImage"" containerRuntimeVersion"" kubeletVersion"" kubeProxyVersion"" operatingSystem"" architecture""',
  V1PersistentVolume: 'metadata{} spec{} status{}',
  V1PersistentVolumeClaim: 'metadata{} spec{} status{}',
  V1PersistentVolumeClaimSpec: 'resources{}',
  V1Pod: 'metadata{} spec{} status{}',
  V1PodCondition: 'type"" status"" lastProbeTime lastTransitionTime',
  V1PodSpec: 'containers',
  V1PodTemplateSpec: 'metadata{} spec{}',
  V1ProjectedVolumeSource: 'sources',
  V1ReplicaSet: 'metadata{} spec{} status{}',
  V1ReplicaSetCondition: 'type"" status"" lastTransitionTime',
  V1ReplicaSetSpec: 'selector template{}',
  V1ReplicaSetStatus: 'replicas0',
  V1RuntimeClass: 'metadata{} handler""',
  V1Secret: 'metadata{}',
  V1Service: 'metadata{} spec{} status{}',
  V1ServiceAccount: 'metadata{}',
  V1ServicePort: 'port0 targetPort0',
  V1ServiceStatus: 'loadBalancer{}',
  V1StorageClass: 'metadata{} provisioner""',
  V1TokenRequestSpec: 'audiences expirationSeconds boundObjectRef',
  V1TokenRequestStatus: 'token"" expirationTimestamp',
  V1VolumeMount: 'name"" mountPath""',
};

const ZEROS: Readonly<Record<string, unknown>> = {
  '': null,
  '""': '',
  '0': 0,
  '!': false,
  '{}': {},
};

type Zero = readonly [name: string, zero: unknown];
const parsed = new Map<string, readonly Zero[]>();

/** Returns an object as a Go API server writes it, including unset fields that Go always writes. */
export function asGoWrites<T extends object>(kind: Pick<Kind, 'type'>, object: T): T {
  return written(kind.type, object as JsonObject) as T;
}

function written(type: string, value: JsonObject): JsonObject {
  const fields = fieldsOf(type);
  if (fields === undefined) return value;
  const whole: JsonObject = {};
  for (const [name, item] of Object.entries(value)) {
    const field = fields.get(name);
    if (field !== undefined && isEmpty(field, item)) continue;
    whole[name] = field === undefined ? item : writtenField(field, item);
  }
  for (const [name, zero] of zerosOf(type)) {
    if (whole[name] !== undefined) continue;
    const field = fields.get(name);
    whole[name] = field === undefined ? zero : writtenField(field, zero);
  }
  return whole;
}

/** The storage format is protobuf, which has no empty lists and maps: they come back unset. */
function isEmpty({ shape }: FieldType, value: unknown): boolean {
  if (shape === 'list') return Array.isArray(value) && value.length === 0;
  return shape === 'map' && isObject(value) && Object.keys(value).length === 0;
}

function writtenField({ shape, of }: FieldType, value: unknown): unknown {
  const one = (item: unknown): unknown => (isObject(item) ? written(of, item) : item);
  if (shape === 'one') return one(value);
  if (shape === 'list') return Array.isArray(value) ? value.map(one) : value;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(item)]));
}

function zerosOf(type: string): readonly Zero[] {
  const known = parsed.get(type);
  if (known !== undefined) return known;
  const text = ALWAYS[type] ?? '';
  const zeros = [...text.matchAll(/([A-Za-z]+)(""|\{\}|0|!|)/g)].map(([, name = '', mark = '']) => {
    return [name, ZEROS[mark]] as const;
  });
  parsed.set(type, zeros);
  return zeros;
}
