import { parseQuantity, type Quantity } from '@nodeagent/base';
import { asWritten, type Container } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { qualifiedNameErrors } from '../label-names.js';
import { type Errors, needed } from './checks.js';

type Resources = NonNullable<Container['resources']>;
type ResourceList = Readonly<Record<string, unknown>>;

const HUGE_PAGES = 'hugepages-';
const OF_CONTAINERS: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const OF_PODS: ReadonlySet<string> = new Set(['cpu', 'memory']);
/** Valid names without a domain, but not resources of a container. */
const OF_QUOTAS: ReadonlySet<string> = new Set([
  'pods',
  'storage',
  ...['services', 'services.nodeports', 'services.loadbalancers', 'replicationcontrollers'],
  ...['resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims'],
  ...['requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage'],
]);
const QUANTITY_DETAIL = 'must be a quantity such as 500m, 2 or 1.5Gi';

export type ResourceNameRule = (path: string, name: string) => Errors;

/** @returns undefined if the value is not a quantity */
export function amountOf(value: unknown): Quantity | undefined {
  return parseQuantity(typeof value === 'number' ? String(value) : textOf(value));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function isHugePages(name: string): boolean {
  return name.startsWith(HUGE_PAGES);
}

/**
 * Checks requests and limits of one container, pod-level resources, or (as limits) a pod's
 * overhead.
 *
 * @param claims names of the pod's resource claims
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validateResourceRequirements
 */
export function resourceErrors(
  path: string,
  resources: Resources,
  { isName, claims }: Readonly<{ isName: ResourceNameRule; claims: ReadonlySet<string> }>,
): Errors {
  const limits: ResourceList = resources.limits ?? {};
  const requests: ResourceList = resources.requests ?? {};
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  const isAlone =
    names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory');
  return [
    ...listErrors(`${path}.limits`, limits, isName),
    ...listErrors(`${path}.requests`, requests, isName),
    ...Object.keys(requests).flatMap((name) => overcommitErrors(path, name, { limits, requests })),
    ...(isAlone ? [field.forbidden(path, 'HugePages require cpu or memory')] : []),
    ...claimErrors(`${path}.claims`, resources.claims ?? [], claims),
  ];
}

function listErrors(path: string, list: ResourceList, isName: ResourceNameRule): Errors {
  return Object.entries(list).flatMap(([name, value]) => {
    const where = `${path}[${name}]`;
    return [...isName(where, name), ...amountErrors(where, name, value)];
  });
}

function amountErrors(path: string, name: string, value: unknown): Errors {
  const amount = amountOf(value);
  if (amount === undefined) return [field.invalid(path, value, QUANTITY_DETAIL)];
  if (amount < 0n) return [field.invalid(path, value, 'must be greater than or equal to 0')];
  if (isExtended(name) && amount % 1_000_000_000n !== 0n) {
    return [field.invalid(path, value, 'must be an integer')];
  }
  const page = isHugePages(name) ? amountOf(name.slice(HUGE_PAGES.length)) : undefined;
  if (page === undefined || page <= 0n || (amount > 0n && amount % page === 0n)) return [];
  return [
    field.invalid(path, value, `${String(value)} is not positive integer multiple of ${name}`),
  ];
}

function overcommitErrors(
  path: string,
  name: string,
  { limits, requests }: Readonly<Record<'limits' | 'requests', ResourceList>>,
): Errors {
  const mayDiffer = isNative(name) && !isHugePages(name);
  if (!(name in limits)) {
    const detail = 'Limit must be set for non overcommitable resources';
    return mayDiffer ? [] : [field.required(`${path}.limits`, detail)];
  }
  const request = amountOf(requests[name]);
  const limit = amountOf(limits[name]);
  if (request === undefined || limit === undefined) return [];
  const shown = `${name} limit of ${String(limits[name])}`;
  const where = `${path}.requests`;
  if (!mayDiffer && request !== limit) {
    return [field.invalid(where, requests[name], `must be equal to ${shown}`)];
  }
  if (request <= limit) return [];
  return [field.invalid(where, requests[name], `must be less than or equal to ${shown}`)];
}

function claimErrors(
  path: string,
  wanted: NonNullable<Resources['claims']>,
  claims: ReadonlySet<string>,
): Errors {
  const seen = new Set<string>();
  return wanted.flatMap((claim, i) => {
    const { name = '', request = '' } = asWritten(claim);
    const where = `${path}[${i}]`;
    if (name === '') return needed(where, name);
    const key = request === '' ? name : `${name}/${request}`;
    const isWhole = request === '' && [...seen].some((one) => one.startsWith(`${name}/`));
    const isTwice = seen.has(name) || seen.has(key) || isWhole;
    seen.add(key);
    return [
      ...(isTwice ? [field.duplicate(where, key)] : []),
      ...(claims.has(name) ? [] : [field.notFound(where, name)]),
    ];
  });
}

export function containerResourceNameErrors(path: string, name: string): Errors {
  const problems = resourceNameErrors(path, name);
  if (problems.length > 0) return problems;
  if (!name.includes('/')) {
    if (OF_CONTAINERS.has(name) || isHugePages(name)) return [];
    return [field.invalid(path, name, 'must be a standard resource for containers')];
  }
  if (isNative(name) || isExtended(name)) return [];
  return [field.invalid(path, name, "doesn't follow extended resource name standard")];
}

export function podResourceNameErrors(path: string, name: string): Errors {
  const problems = resourceNameErrors(path, name);
  if (problems.length > 0 || OF_PODS.has(name) || isHugePages(name)) return problems;
  return [field.notSupported(path, name, ['cpu', 'hugepages-', 'memory'])];
}

function resourceNameErrors(path: string, name: string): Errors {
  const problems = qualifiedNameErrors(path, name);
  if (problems.length > 0 || name.includes('/')) return problems;
  const isKnown = OF_CONTAINERS.has(name) || OF_QUOTAS.has(name);
  if (isKnown || isHugePages(name) || isHugePages(name.replace(/^requests\./, ''))) return [];
  return [field.invalid(path, name, 'must be a standard resource type or fully qualified')];
}

function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

/** Countable resources that a vendor defines: `example.com/gpu`. */
function isExtended(name: string): boolean {
  if (isNative(name) || name.startsWith('requests.')) return false;
  return qualifiedNameErrors('', `requests.${name}`).length === 0;
}
