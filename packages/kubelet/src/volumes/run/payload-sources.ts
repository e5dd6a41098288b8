import type { Pod, Volume } from '@nodeagent/kube-client';

import { podNamespace } from '../../pod/index.js';
import { VolumeError } from '../model/errors.js';
import type { Payload, PayloadFile } from '../model/payload.js';
import { keyPayload } from '../plan/key-payload.js';
import type {
  FieldReader,
  ObjectSource,
  PodCertificateSource,
  TokenSource,
  TrustAnchorSource,
} from '../ports.js';

export interface PayloadPorts {
  readonly objects: ObjectSource;
  readonly tokens: Pick<TokenSource, 'forget' | 'token'>;
  readonly fields: FieldReader;
  /** If absent, the feature is off. */
  readonly trust?: TrustAnchorSource;
  readonly certificates?: PodCertificateSource;
}

type Files = readonly (readonly [path: string, file: PayloadFile])[];

const DEFAULT_MODE = 0o644;
/** The API server's default if a projection sets none. */
const DEFAULT_TOKEN_SECONDS = 3600;
/** For files that only the owner and the pod's group may read. */
const PRIVATE_MODE = 0o600;

/**
 * The current files of a configMap, secret, downwardAPI or projected volume. Later sources of a
 * projected volume replace earlier ones of the same path.
 *
 * @throws {VolumeError} `VOLUME_SOURCE`
 */
export async function volumePayload(
  pod: Pod,
  volume: Volume,
  ports: PayloadPorts,
  signal: AbortSignal,
): Promise<Payload> {
  return new Map(await volumeFiles(pod, volume, ports, signal));
}

async function volumeFiles(
  pod: Pod,
  { name: volume, configMap, secret, downwardAPI, projected }: Volume,
  ports: PayloadPorts,
  signal: AbortSignal,
): Promise<Files> {
  if (configMap !== undefined) {
    const { name = '', defaultMode = DEFAULT_MODE } = configMap;
    return configMapFiles(pod, { ...configMap, name }, { ports, defaultMode }, signal);
  }
  if (secret !== undefined) {
    const { secretName: name = '', defaultMode = DEFAULT_MODE } = secret;
    return secretFiles(pod, { ...secret, name }, { ports, defaultMode }, signal);
  }
  if (downwardAPI !== undefined) {
    const { items = [], defaultMode = DEFAULT_MODE } = downwardAPI;
    return downwardFiles(pod, items, { ports, defaultMode });
  }
  const { sources = [], defaultMode = DEFAULT_MODE } = projected ?? {};
  const context = { ports, defaultMode };
  const files = await Promise.all(
    sources.map((source, index) => sourceFiles(pod, { volume, index, source }, context, signal)),
  );
  return files.flat();
}

interface Context {
  readonly ports: PayloadPorts;
  readonly defaultMode: number;
}

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

interface Part {
  readonly volume: string;
  readonly index: number;
  readonly source: Projection;
}

async function sourceFiles(
  pod: Pod,
  part: Part,
  context: Context,
  signal: AbortSignal,
): Promise<Files> {
  const { source } = part;
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) {
    return configMapFiles(pod, { ...configMap, name: configMap.name ?? '' }, context, signal);
  }
  if (secret !== undefined) {
    return secretFiles(pod, { ...secret, name: secret.name ?? '' }, context, signal);
  }
  if (downwardAPI !== undefined) return downwardFiles(pod, downwardAPI.items ?? [], context);
  if (serviceAccountToken !== undefined) {
    const { path, audience, expirationSeconds = DEFAULT_TOKEN_SECONDS } = serviceAccountToken;
    const request = { expirationSeconds, ...(audience === undefined ? {} : { audience }) };
    const token = await context.ports.tokens.token(pod, request, signal);
    return [[path, privateFile(pod, token, context)]];
  }
  if (source.clusterTrustBundle !== undefined) {
    return trustFiles(pod, source.clusterTrustBundle, context, signal);
  }
  if (source.podCertificate !== undefined) {
    return certificateFiles(pod, { ...part, spec: source.podCertificate }, context, signal);
  }
  const kind = Object.keys(source).join(', ');
  throw new VolumeError('VOLUME_UNSUPPORTED', `projected volume source ${kind} is not supported`);
}

/**
 * Belongs to the single user of all containers, if there is one, and to the pod's group, if it has
 * one.
 */
function privateFile(pod: Pod, text: string, { defaultMode }: Context): PayloadFile {
  const uid = tokenOwner(pod);
  const shared = uid === undefined && pod.spec?.securityContext?.fsGroup === undefined;
  const mode = shared ? defaultMode : PRIVATE_MODE;
  const content = Buffer.from(text);
  return uid === undefined ? { content, mode } : { content, mode, uid };
}

async function trustFiles(
  pod: Pod,
  { path, ...ref }: NonNullable<Projection['clusterTrustBundle']>,
  context: Context,
  signal: AbortSignal,
): Promise<Files> {
  const { trust } = context.ports;
  if (trust === undefined) throw switchedOff('clusterTrustBundle', 'ClusterTrustBundleProjection');
  if (ref.name === undefined && ref.signerName === undefined) {
    throw missing('ClusterTrustBundle projection requires either name or signerName to be set');
  }
  const anchors = await asSource(trust.anchors(ref, signal), signal);
  return [[path, privateFile(pod, anchors, context)]];
}

async function certificateFiles(
  pod: Pod,
  part: Part & Readonly<{ spec: NonNullable<Projection['podCertificate']> }>,
  context: Context,
  signal: AbortSignal,
): Promise<Files> {
  const { certificates } = context.ports;
  if (certificates === undefined) throw switchedOff('podCertificate', 'PodCertificateRequest');
  const { keyPem, chainPem } = await asSource(certificates.certificate(pod, part, signal), signal);
  const { credentialBundlePath, keyPath, certificateChainPath } = part.spec;
  const files = [
    [credentialBundlePath, keyPem + chainPem],
    [keyPath, keyPem],
    [certificateChainPath, chainPem],
  ] as const;
  return files.flatMap(([path, text]) =>
    path === undefined || path === '' ? [] : [[path, privateFile(pod, text, context)] as const],
  );
}

function switchedOff(kind: string, gate: string): VolumeError {
  const text = `projected volume source ${kind} needs the feature gate ${gate}`;
  return new VolumeError('VOLUME_UNSUPPORTED', text);
}

/** Turns every failure into a `VOLUME_SOURCE` error. */
async function asSource<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    signal.throwIfAborted();
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new VolumeError('VOLUME_SOURCE', text, { cause });
  }
}

/** The only user who may read the pod's tokens: the one that every container runs as. */
export function tokenOwner({ spec }: Pod): number | undefined {
  const ofPod = spec?.securityContext?.runAsUser;
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const users = new Set(containers.map((c) => c.securityContext?.runAsUser ?? ofPod));
  return users.size === 1 ? [...users][0] : undefined;
}

interface KeySource {
  readonly name: string;
  readonly items?: readonly Readonly<{ key: string; path: string; mode?: number }>[];
  readonly optional?: boolean;
}

async function configMapFiles(
  pod: Pod,
  source: KeySource,
  { ports, defaultMode }: Context,
  signal: AbortSignal,
): Promise<Files> {
  const { name, optional = false } = source;
  const found = await ports.objects.configMap(podNamespace(pod), name, signal);
  if (found === undefined && !optional) throw missing(`configmap "${name}" not found`);
  const data =
    found && new Map([...decoded(found.data, 'utf8'), ...decoded(found.binaryData, 'base64')]);
  return keyPayload(data, selection(source, defaultMode), 'configmap');
}

async function secretFiles(
  pod: Pod,
  source: KeySource,
  { ports, defaultMode }: Context,
  signal: AbortSignal,
): Promise<Files> {
  const { name, optional = false } = source;
  const found = await ports.objects.secret(podNamespace(pod), name, signal);
  if (found === undefined && !optional) throw missing(`secret "${name}" not found`);
  return keyPayload(
    found && new Map(decoded(found.data, 'base64')),
    selection(source, defaultMode),
    'secret',
  );
}

function selection({ items, optional = false }: KeySource, defaultMode: number) {
  return { defaultMode, optional, ...(items === undefined ? {} : { items }) };
}

type Data = Readonly<Record<string, string>>;

/**
 * @throws {VolumeError} `VOLUME_SOURCE` for a value that is not a string: no earlier step has
 *   checked it
 */
function decoded(data: Data = {}, encoding: BufferEncoding): (readonly [string, Buffer])[] {
  return Object.entries(data).map(([key, text]) => {
    if (typeof text !== 'string') throw missing(`the value of key ${key} is not a string`);
    return [key, Buffer.from(text, encoding)] as const;
  });
}

function missing(message: string): VolumeError {
  return new VolumeError('VOLUME_SOURCE', message);
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function downwardFiles(pod: Pod, items: readonly DownwardItem[], context: Context): Files {
  return items.map(({ path, mode = context.defaultMode, fieldRef, resourceFieldRef }) => {
    const { fields } = context.ports;
    const text =
      fieldRef === undefined
        ? resourceFieldRef && fields.resource(pod, selectorOf(resourceFieldRef))
        : fields.field(pod, fieldRef.fieldPath);
    if (text === undefined) {
      const asked = fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? 'nothing';
      throw missing(`downward API file ${path}: unsupported field ${asked}`);
    }
    return [path, { content: Buffer.from(text), mode }] as const;
  });
}

function selectorOf(ref: NonNullable<DownwardItem['resourceFieldRef']>) {
  const { containerName, resource, divisor } = ref;
  return {
    resource,
    ...(containerName === undefined ? {} : { containerName }),
    ...(divisor === undefined ? {} : { divisor }),
  };
}
