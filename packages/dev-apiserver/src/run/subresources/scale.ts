import { asWritten } from '@nodeagent/kube-client';

import { field, type StatusError, statusError } from '../../model/errors.js';
import type { Kind } from '../../model/kind.js';
import {
  type ApiObject,
  isObject,
  omit,
  textAt,
  toApiObject,
  valueAt,
} from '../../model/object.js';
import { patched } from '../patching.js';
import {
  bodyOf,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
  writeContextOf,
} from './call.js';

/** Returns the fields of a kind that a Scale shows, as dotted paths. */
function pathsOf({ custom }: Kind): Readonly<Record<'spec' | 'status' | 'selector', string>> {
  const { scale: paths } = custom ?? {};
  return {
    spec: paths?.specReplicasPath.slice(1) ?? 'spec.replicas',
    status: paths?.statusReplicasPath.slice(1) ?? 'status.replicas',
    selector: paths?.labelSelectorPath?.slice(1) ?? '',
  };
}

function withValue(object: unknown, [name, ...rest]: readonly string[], value: number): unknown {
  if (name === undefined) return value;
  const fields = isObject(object) ? object : {};
  return { ...fields, [name]: withValue(fields[name], rest, value) };
}

function selectorOf(object: ApiObject): string {
  const labels = valueAt(object, 'spec.selector.matchLabels') ?? valueAt(object, 'spec.selector');
  if (!isObject(labels)) return '';
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(',');
}

/** Reads and writes the replica count of a workload as an `autoscaling/v1` Scale. */
export async function scale(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer> {
  const { registry } = ports;
  const { route, verb, request } = call;
  const old = registry.get(route.kind, route);
  if (verb === 'get') return { object: scaleOf(route.kind, old), httpStatus: 200 };
  const context = writeContextOf(call);
  const before = scaleOf(route.kind, old);
  const asked =
    verb === 'patch'
      ? patched({ ...omit(route.kind, 'custom'), type: 'V1Scale' }, request, 'main', {
          ...context,
          warnings: [],
        }).mutate(before)
      : toApiObject(bodyOf(call));
  const wanted = await call.admit('UPDATE', { object: asked, old: before });
  const replicas = Number(valueAt(wanted, 'spec.replicas') ?? 0);
  if (replicas < 0) throw negative(route.kind, route.name, replicas);
  const [first = 'spec', ...deeper] = pathsOf(route.kind).spec.split('.');
  const version = asWritten(wanted).metadata?.resourceVersion;
  const next = registry.update(
    route.kind,
    { ...route, part: 'main' },
    (current) => {
      const object = structuredClone(current) as ApiObject;
      object[first] = withValue(object[first], deeper, replicas);
      if (version !== undefined) object.metadata.resourceVersion = version;
      return object;
    },
    context,
  );
  return { object: scaleOf(route.kind, next), httpStatus: 200 };
}

function negative(kind: Kind, name: string, replicas: number): StatusError {
  if (kind.custom !== undefined) {
    const { specReplicasPath = '' } = kind.custom.scale ?? {};
    const why = 'should be a non-negative integer';
    return statusError.invalid(kind, name, [field.invalid(specReplicasPath, replicas, why)]);
  }
  const why = 'must be greater than or equal to 0';
  const error = field.invalid('spec.replicas', replicas, why);
  return statusError.invalid({ group: 'autoscaling', kind: 'Scale' }, name, [error]);
}

function scaleOf(kind: Kind, object: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const paths = pathsOf(kind);
  const selector = kind.custom === undefined ? selectorOf(object) : textAt(object, paths.selector);
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: metadata as ApiObject['metadata'],
    spec: { replicas: Number(valueAt(object, paths.spec) ?? 0) },
    status: {
      replicas: Number(valueAt(object, paths.status) ?? 0),
      ...(selector === '' ? {} : { selector }),
    },
  };
}
