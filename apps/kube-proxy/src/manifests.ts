import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type EndpointSlice, type Node, type Service, withoutNulls } from '@nodeagent/kube-client';
import { ProxyError } from '@nodeagent/kube-proxy';

/** The objects in a set of files that affect the rules. */
export interface Manifests {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly nodes: readonly Node[];
  readonly serviceCidrs: readonly string[];
  /** One sentence about each object that has no effect as it is. */
  readonly notes: readonly string[];
}

interface AnyObject {
  readonly kind?: string;
  readonly metadata?: { name?: string; namespace?: string };
  readonly spec?: { cidrs?: readonly string[]; clusterIP?: string; type?: string };
  readonly items?: readonly AnyObject[];
}

const MANIFEST = /\.(ya?ml|json)$/;

/**
 * Reads Services, EndpointSlices, Nodes and ServiceCIDRs, alone or in lists, with any number in a
 * file; skips other kinds.
 *
 * @param paths files, directories (their `.yaml`, `.yml` and `.json` files), or `-` for standard
 * input
 * @throws {ProxyError} `PROXY_EXPLAIN` for a file that cannot be read
 */
export async function readManifests(paths: readonly string[]): Promise<Manifests> {
  const objects: AnyObject[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path)) objects.push(...(await objectsIn(file)));
  }
  const ofKind = <T>(kind: string): T[] =>
    objects.filter((one) => one.kind === kind).map((one) => withNamespace(one) as T);
  const services = ofKind<Service>('Service');
  const notes = services.filter(lacksAddress).map(({ metadata }) => {
    const name = `${metadata?.namespace}/${metadata?.name}`;
    return `Service ${name} has no clusterIP, so it has no rules: take it from a cluster (kubectl get -o yaml)`;
  });
  if (services.length === 0) notes.push(`no Service in ${paths.join(', ')}`);
  return {
    services,
    slices: ofKind<EndpointSlice>('EndpointSlice'),
    nodes: ofKind<Node>('Node'),
    serviceCidrs: ofKind<AnyObject>('ServiceCIDR').flatMap(({ spec }) => spec?.cidrs ?? []),
    notes,
  };
}

function lacksAddress({ spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && (spec?.clusterIP ?? '') === '';
}

/** Adds the default namespace, as kubectl does. */
function withNamespace(object: AnyObject): AnyObject {
  return { ...object, metadata: { namespace: 'default', ...object.metadata } };
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (path === '-') return [path];
  return readable(path, async () => {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => MANIFEST.test(name));
    return names.toSorted().map((name) => join(path, name));
  });
}

async function objectsIn(file: string): Promise<readonly AnyObject[]> {
  const content = await readable(file, () =>
    file === '-' ? text(process.stdin) : readFile(file, 'utf8'),
  );
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(content, { prettyErrors: true });
  return [...documents].flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw unreadable(file, problem);
    return flatten(withoutNulls(document.toJS()) as AnyObject | null);
  });
}

function flatten(object: AnyObject | null): readonly AnyObject[] {
  if (object === null || typeof object !== 'object') return [];
  return Array.isArray(object.items) ? object.items.flatMap(flatten) : [object];
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(path, error as Error);
  }
}

function unreadable(path: string, cause: Error): ProxyError {
  return new ProxyError('PROXY_EXPLAIN', `${path} cannot be read: ${cause.message}`, { cause });
}
