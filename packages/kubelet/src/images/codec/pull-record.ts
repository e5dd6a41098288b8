/** Under which a record is written; the older version is read too. */
const API_VERSION = 'kubelet.config.k8s.io/v1beta1';
const API_VERSIONS = [API_VERSION, 'kubelet.config.k8s.io/v1alpha1'];

/** Of a pull secret. */
export interface SecretIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** SHA-256 of what it says for the image, in hexadecimal. */
  readonly credentialHash: string;
}

export interface ServiceAccountIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Whose credentials an image was pulled with. */
export type PullOwner = SecretIdentity | ServiceAccountIdentity;

/** With what an image has been pulled. */
export interface PullGrants {
  /** As nobody, or with what the node has: every pod may use the image. */
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly SecretIdentity[];
  readonly kubernetesServiceAccounts?: readonly ServiceAccountIdentity[];
}

/** `ImagePulledRecord` of Kubernetes' kubelet.config.k8s.io. */
export interface PulledRecord {
  readonly imageRef: string;
  readonly lastUpdatedTime: string;
  /** By repository: names without tag and digest. */
  readonly credentialMapping: Readonly<Record<string, PullGrants>>;
}

export function renderIntent(image: string): string {
  return JSON.stringify({ kind: 'ImagePullIntent', apiVersion: API_VERSION, image });
}

/** @returns the image that was about to be pulled; undefined for a text that is no intent */
export function parseIntent(text: string): string | undefined {
  const value = parseKind(text, 'ImagePullIntent');
  return typeof value?.['image'] === 'string' ? value['image'] : undefined;
}

export function renderRecord({
  imageRef,
  lastUpdatedTime,
  credentialMapping,
}: PulledRecord): string {
  const kind = 'ImagePulledRecord';
  return JSON.stringify({
    kind,
    apiVersion: API_VERSION,
    lastUpdatedTime,
    imageRef,
    credentialMapping,
  });
}

/** @returns undefined for a text that is no record */
export function parseRecord(text: string): PulledRecord | undefined {
  const value = parseKind(text, 'ImagePulledRecord');
  if (value === undefined) return undefined;
  const { imageRef, lastUpdatedTime, credentialMapping = {} } = value;
  if (typeof imageRef !== 'string' || typeof lastUpdatedTime !== 'string') return undefined;
  const mapping = fieldsOf(credentialMapping);
  if (mapping === undefined || !Object.values(mapping).every(isGrants)) return undefined;
  return { imageRef, lastUpdatedTime, credentialMapping: mapping };
}

/** Nothing may be granted by what is not understood: the whole record is refused then. */
function isGrants(value: unknown): boolean {
  const grants = fieldsOf(value);
  if (grants === undefined) return false;
  const { nodePodsAccessible, kubernetesSecrets, kubernetesServiceAccounts } = grants;
  const isFlag = ['boolean', 'undefined'].includes(typeof nodePodsAccessible);
  const secretParts = ['uid', 'namespace', 'name', 'credentialHash'];
  return (
    isFlag &&
    areOwners(kubernetesSecrets, secretParts) &&
    areOwners(kubernetesServiceAccounts, secretParts.slice(0, 3))
  );
}

function areOwners(value: unknown, parts: readonly string[]): boolean {
  if (value === undefined) return true;
  const isOwner = (owner: unknown): boolean =>
    parts.every((part) => typeof fieldsOf(owner)?.[part] === 'string');
  return Array.isArray(value) && value.every(isOwner);
}

function fieldsOf(value: unknown): Record<string, never> | undefined {
  const isFields = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isFields ? (value as Record<string, never>) : undefined;
}

function parseKind(text: string, kind: string): Record<string, unknown> | undefined {
  try {
    const value: Record<string, unknown> | undefined = fieldsOf(JSON.parse(text));
    const isOurs =
      value?.['kind'] === kind && API_VERSIONS.some((known) => known === value['apiVersion']);
    return isOurs ? value : undefined;
  } catch {
    return undefined; // cut off, or somebody else's: as good as none
  }
}
