/**
 * Reads from `@kubernetes/client-node` which kinds of objects a Kubernetes API server knows: each
 * method of its generated API classes has the path of the call and the model of its body. Those
 * classes are made from the OpenAPI document of one version of Kubernetes. Also names the models.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One kind in one version. */
export interface ServedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** True if the API has no way to read such an object. */
  readonly createOnly: boolean;
  /** The name of the library's class, e.g. `V1Pod`. */
  readonly model: string;
}

/**
 * Public names that do not follow from the model's name: those of types that have the same name in
 * several groups or versions. The group that most programs meet has the plain name.
 */
const NAMES: Readonly<Record<string, string>> = {
  AdmissionregistrationV1ServiceReference: 'AdmissionServiceReference',
  AdmissionregistrationV1WebhookClientConfig: 'AdmissionWebhookClientConfig',
  ApiextensionsV1ServiceReference: 'ConversionServiceReference',
  ApiextensionsV1WebhookClientConfig: 'ConversionWebhookClientConfig',
  ApiregistrationV1ServiceReference: 'ApiServiceReference',
  AuthenticationV1TokenRequest: 'TokenRequest',
  CoreV1EndpointPort: 'EndpointsPort',
  CoreV1Event: 'CoreEvent',
  CoreV1EventSeries: 'CoreEventSeries',
  CoreV1ResourceClaim: 'ContainerResourceClaim',
  DiscoveryV1EndpointPort: 'EndpointPort',
  EventsV1Event: 'EventsV1Event',
  EventsV1EventSeries: 'EventsV1EventSeries',
  FlowcontrolV1Subject: 'FlowSubject',
  RbacV1Subject: 'Subject',
  ResourceV1ResourceClaim: 'ResourceClaim',
  StorageV1TokenRequest: 'CsiTokenRequest',
  V1alpha2TypedLocalObjectReference: 'WorkloadControllerReference',
  V1beta2DeviceTaint: 'DeviceTaintRuleTaint',
};

interface Call {
  /** E.g. `createNamespacedPod`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

const CALL =
  /^ {4}async (?<name>\w+)\((?:(?!^ {4}\}$)[^])*?localVarPath = '(?<path>[^']+)'(?<rest>(?:(?!^ {4}\}$)[^])*)/gm;

/** Returns the folder of the library's package. */
export function clientNodeFolder(): string {
  return dirname(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))));
}

/** Returns the kinds of the whole API, each in its newest version; stable ones are the newest. */
export function readNewestKinds(): readonly ServedKind[] {
  const newest = new Map<string, ServedKind>();
  for (const one of readServedKinds()) {
    const key = `${one.group}/${one.kind}`;
    const known = newest.get(key);
    if (known === undefined || isNewer(one.version, known.version)) newest.set(key, one);
  }
  return [...newest.values()];
}

/** Returns the kinds of the whole API, in each of their versions. */
export function readServedKinds(): readonly ServedKind[] {
  const gen = join(clientNodeFolder(), 'dist/gen');
  // the folder `apis` also has classes of earlier versions of Kubernetes; those are not exported
  const exported = readFileSync(join(gen, 'types/ObservableAPI.js'), 'utf8');
  const files = [...exported.matchAll(/from "\.\.\/(apis\/\w+V\d\w*Api\.js)"/g)];
  return [...new Set(files.map(([, file = '']) => file))].flatMap((file) =>
    kindsOf(callsOf(readFileSync(join(gen, file), 'utf8'))),
  );
}

/** Returns the name that a model has in our types: `V1CSINodeSpec` → `CsiNodeSpec`, abbreviations are words. */
export function publicName(model: string): string {
  const known = NAMES[model];
  if (known !== undefined) return known;
  return model
    .replace(/^V\d+((alpha|beta)\d+)?(?=[A-Z])/, '')
    .replace(/^(API|CSI|HPA|IP)(?=[A-Z])/, (all) => `${all[0]}${all.slice(1).toLowerCase()}`)
    .replace(/CIDR/g, 'Cidr');
}

function callsOf(code: string): readonly Call[] {
  return [...code.matchAll(CALL)].map(({ groups: { name = '', path = '', rest = '' } = {} }) => ({
    name,
    path,
    method: /HttpMethod\.(\w+)/.exec(rest)?.[1] ?? '',
    body: /serialize\(body, "(\w+)"/.exec(rest)?.[1],
  }));
}

function kindsOf(calls: readonly Call[]): readonly ServedKind[] {
  const readable = new Set(calls.filter(({ method }) => method === 'GET').map(({ path }) => path));
  return calls.flatMap(({ name, method, path, body }) => {
    const [, kind] = /^(?:create|list)(?:Namespaced)?([A-Z]\w*)$/.exec(name) ?? [];
    const place =
      /^\/apis?(?:\/(?<group>[a-z0-9.]+))??\/(?<version>v\d\w*)(?<within>\/namespaces\/\{namespace\})?\/(?<plural>\w+)$/.exec(
        path,
      )?.groups;
    if (kind === undefined || place === undefined) return [];
    const { group = '', version = '', within, plural = '' } = place;
    const createOnly = !readable.has(path);
    const creatable = calls.some((other) => other.method === 'POST' && other.path === path);
    // each kind once: by the call that creates it, or that lists it if it cannot be created
    if (method === 'GET' && (creatable || kind.endsWith('ForAllNamespaces'))) return [];
    const model = body ?? `${version[0]?.toUpperCase()}${version.slice(1)}${kind}`;
    const namespaced = within !== undefined;
    return [{ group, version, plural, kind, namespaced, createOnly, model }];
  });
}

/** Follows Kubernetes' order of versions: stable before beta before alpha, then the number. */
function isNewer(version: string, than: string): boolean {
  const rank = (text: string): readonly number[] => {
    const [, major, stage, minor] = /^v(\d+)(alpha|beta)?(\d+)?$/.exec(text) ?? [];
    return [{ alpha: 0, beta: 1 }[stage ?? ''] ?? 2, Number(major), Number(minor ?? 0)];
  };
  const [a, b] = [rank(version), rank(than)];
  const at = a.findIndex((value, i) => value !== b[i]);
  return at !== -1 && (a[at] ?? 0) > (b[at] ?? 0);
}
