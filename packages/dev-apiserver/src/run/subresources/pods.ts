import { formatTimestamp } from '@nodeagent/base';

import { readDeleteOptions } from '../../codec/query.js';
import { field, StatusError, statusError } from '../../model/errors.js';
import { kindOf } from '../../model/kinds.js';
import { type ApiObject, listAt, textAt, toApiObject } from '../../model/object.js';
import {
  admittedBody,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
  writeContextOf,
} from './call.js';

const PODS = kindOf('', 'pods');

/** @returns undefined for parts that are written like the pod itself */
export async function podPart(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer | undefined> {
  const { subresource } = call.route;
  if (subresource === 'binding') return bind(ports, call);
  if (subresource === 'eviction') return evict(ports, call);
  if (subresource === 'proxy') {
    ports.registry.get(PODS, call.route);
    throw new StatusError(501, 'NotImplemented', 'pods/proxy is not served: use port-forward');
  }
  return undefined;
}

/** Handles POST …/bindings, the older form of pods/binding. */
export async function bindFromCollection(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer | undefined> {
  if (call.route.kind.plural !== 'bindings') return undefined;
  const name = textAt(call.request.body, 'metadata.name');
  return bind(ports, { ...call, route: { ...call.route, name } });
}

/** @see Kubernetes 1.36 pkg/registry/core/pod/storage/storage.go, setPodHostAndAnnotations */
async function bind(
  { registry }: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer> {
  const { route } = call;
  const body = await admittedBody(call, { apiVersion: 'v1', kind: 'Binding' });
  const node = textAt(body, 'target.name');
  if (node === '') {
    throw statusError.invalid({ group: '', kind: 'Binding' }, route.name, [
      field.required('target.name'),
    ]);
  }
  registry.update(
    PODS,
    { ...route, part: 'internal' },
    (old) => {
      const pod = structuredClone(old) as ApiObject;
      const current = textAt(pod, 'spec.nodeName');
      if (pod.metadata.deletionTimestamp !== undefined) {
        throw statusError.conflict(
          PODS,
          route.name,
          `pod ${route.name} is being deleted, cannot be assigned to a host`,
        );
      }
      if (current !== '') {
        throw statusError.conflict(
          PODS,
          route.name,
          `pod ${route.name} is already assigned to node "${current}"`,
        );
      }
      pod.spec = { ...pod.spec, nodeName: node };
      const scheduled = {
        type: 'PodScheduled',
        status: 'True',
        observedGeneration: pod.metadata.generation,
        lastProbeTime: null,
        lastTransitionTime: formatTimestamp(registry.clock.nowMs()),
      };
      const others = listAt(pod, 'status.conditions').filter(
        (condition) => textAt(condition, 'type') !== 'PodScheduled',
      );
      pod.status = { ...pod.status, conditions: [...others, scheduled] };
      return pod;
    },
    writeContextOf(call),
  );
  return { object: success(), httpStatus: 201 };
}

function success(): ApiObject {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return toApiObject({ ...status, code: 201 });
}

/** Disruption budgets are stored but not enforced, so every eviction is a delete. */
async function evict(
  { registry }: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer> {
  const body = await admittedBody(call, { apiVersion: 'policy/v1', kind: 'Eviction' });
  const name = textAt(body, 'metadata.name') || call.route.name;
  if (name !== call.route.name) {
    throw statusError.badRequest('name in URL does not match name in Eviction object');
  }
  const { dryRun, ...options } = readDeleteOptions(call.request.query, body['deleteOptions']);
  registry.delete(PODS, call.route, options, { dryRun });
  return { object: success(), httpStatus: 201 };
}
