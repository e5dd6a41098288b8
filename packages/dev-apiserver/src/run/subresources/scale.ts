import { asWritten } from '@nodeagent/kube-client';

import { type ApiObject, isObject, valueAt } from '../../model/object.js';
import { patched } from '../patching.js';
import {
  bodyOf,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
  writeContextOf,
} from './call.js';

/** Reads and writes the replica count of a workload as an `autoscaling/v1` Scale. */
export function scale(ports: SubresourcePorts, call: SubresourceCall): SubresourceAnswer {
  const { registry } = ports;
  const { route, verb, request } = call;
  const old = registry.get(route.kind, route);
  if (verb === 'get') return { object: scaleOf(old), httpStatus: 200 };
  const context = writeContextOf(call);
  const wanted =
    verb === 'patch'
      ? patched({ ...route.kind, type: 'V1Scale' }, request, 'main', context).mutate(scaleOf(old))
      : (bodyOf(call) as unknown as ApiObject);
  const replicas = Number(valueAt(wanted, 'spec.replicas') ?? 0);
  const version = asWritten(wanted).metadata?.resourceVersion;
  const next = registry.update(
    route.kind,
    { ...route, part: 'main' },
    (current) => {
      const object = structuredClone(current) as ApiObject;
      object.spec = { ...object.spec, replicas };
      if (version !== undefined) object.metadata.resourceVersion = version;
      return object;
    },
    context,
  );
  return { object: scaleOf(next), httpStatus: 200 };
}

function scaleOf(object: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = valueAt(object, 'spec.selector.matchLabels') ?? valueAt(object, 'spec.selector');
  const selector = isObject(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${String(value)}`)
        .join(',')
    : '';
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: metadata as ApiObject['metadata'],
    spec: { replicas: Number(valueAt(object, 'spec.replicas') ?? 0) },
    status: { replicas: Number(valueAt(object, 'status.replicas') ?? 0), selector },
  };
}
