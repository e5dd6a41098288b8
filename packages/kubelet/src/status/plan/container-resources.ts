import { formatQuantity, parseQuantity } from '@nodeagent/base';
import type { ContainerStatus } from '@nodeagent/kube-client';

import {
  amountsIn,
  type ContainerAmounts,
  type ContainerObservation,
  type Resources,
  type RoledContainer,
} from '../../pod/index.js';
import type { StatusInput } from '../model/status-input.js';

/**
 * The kernel cannot represent smaller values. @see Kubernetes 1.36 pkg/kubelet/cm/helpers_linux.go
 */
const LEAST_LIMIT_MILLI = 10;
const LEAST_REQUEST_MILLI = 2;

const NANO = 1_000_000_000n;
const NANO_OF_MILLI = 1_000_000n;

/**
 * The allocated and the actual resources of a created container. The actual ones are those that the
 * runtime reports or, for values it does not report, those last given to the container.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, convertContainerStatusResources
 */
export function containerResourceFields(
  { actuated }: StatusInput,
  { spec }: RoledContainer,
  record: ContainerObservation,
): Partial<ContainerStatus> {
  const { resources } = spec;
  if (resources === undefined) return {};
  const has = actuated?.containers[spec.name];
  const given = has && amountsIn(undefined, has);
  const seen =
    record.resources && given
      ? { memoryRequestBytes: given.memoryRequestBytes, ...record.resources }
      : (record.resources ?? given ?? {});
  const { requests } = resources;
  return {
    ...(requests !== undefined && { allocatedResources: requests }),
    resources: record.state.kind === 'running' ? inForce(resources, seen) : resources,
  };
}

function inForce(resources: Resources, seen: Partial<ContainerAmounts>): Resources {
  const { limits, requests } = resources;
  return {
    ...resources,
    ...(limits && {
      limits: {
        ...limits,
        ...cpu(limits, seen.cpuLimitMilli, LEAST_LIMIT_MILLI),
        ...memory(limits, seen.memoryLimitBytes),
      },
    }),
    ...(requests && {
      requests: {
        ...requests,
        ...cpu(requests, seen.cpuRequestMilli, LEAST_REQUEST_MILLI),
        ...memory(requests, seen.memoryRequestBytes),
      },
    }),
  };
}

type Texts = Readonly<Record<string, string>>;

function cpu(given: Texts, milli: number | undefined, least: number): Texts {
  if (milli === undefined || milli === 0) return {};
  const nano = BigInt(milli) * NANO_OF_MILLI;
  const ofSpec = quantityOf(given['cpu']);
  if (milli <= least && ofSpec <= BigInt(least) * NANO_OF_MILLI) return {};
  return nano === ofSpec ? {} : { cpu: formatQuantity(nano, 'decimal') };
}

function memory(given: Texts, bytes: number | undefined): Texts {
  if (bytes === undefined || bytes === 0) return {};
  const nano = BigInt(bytes) * NANO;
  return nano === quantityOf(given['memory']) ? {} : { memory: formatQuantity(nano, 'binary') };
}

function quantityOf(text: string | undefined): bigint {
  return parseQuantity(text ?? '0') ?? 0n;
}
