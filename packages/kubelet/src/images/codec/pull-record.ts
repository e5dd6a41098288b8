/** Version of written records; both versions are read. */
const API_VERSION = 'kubelet.config.k8s.io/v1beta1';
const API_VERSIONS = [API_VERSION, 'kubelet.config.k8s.io/v1alpha1'];

/** Identifies a pull secret. */
export interface SecretIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** SHA-256 of the secret's entry for the image, in hexadecimal. */
  readonly credentialHash: string;
}

export interface ServiceAccountIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** The owner of the credentials that an image was pulled with. */
export type PullOwner = SecretIdentity | ServiceAccountIdentity;

/** The credentials with which an image has been pulled. */
export interface PullGrants {
  /** Pulled anonymously or with the node's credentials: every pod may use the image. */
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly SecretIdentity[];
  readonly kubernetesServiceAccounts?: readonly ServiceAccountIdentity[];
}

/** `ImagePulledRecord` of the API group kubelet.config.k8s.io. */
export interface PulledRecord {
  readonly imageRef: string;
  readonly lastUpdatedTime: string;
  /** By repository: the image name without tag and digest. */
  readonly credentialMapping: Readonly<Record<string, PullGrants>>;
}

export function renderIntent(image: string): string {
  return JSON.stringify({ kind: 'ImagePullIntent', apiVersion: API_VERSION, image });
}

/** @returns the image whose pull was about to start; undefined if the text is not an intent */
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

/** @returns undefined if the text is not a record */
export function parseRecord(text: string): PulledRecord | undefined {
  const value = parseKind(text, 'ImagePulledRecord');
  if (value === undefined) return undefined;
  const { imageRef, lastUpdatedTime, credentialMapping = {} } = value;
  if (typeof imageRef !== 'string' || typeof lastUpdatedTime !== 'string') return undefined;
  const mapping = fieldsOf(credentialMapping);
  if (mapping === undefined || !Object.values(mapping).every(isGrants)) return undefined;
  return { imageRef, lastUpdatedTime, credentialMapping: mapping };
}

/** A record with grants that we do not understand is refused as a whole, so it grants nothing. */
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
    return undefined; // truncated or not our format: treated as absent
  }
}
