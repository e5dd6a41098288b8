import { asWritten, type Container, type PodSpec, type Probe } from '@nodeagent/kube-client';

import { defaultPullPolicy } from './image-reference.js';
import { defaultPodLevelResources } from './pod-level-defaults.js';
import { defaultVolume } from './volume-defaults.js';

/**
 * Fills in the defaults of a pod template's spec.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go
 */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always';
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.schedulerName ||= 'default-scheduler';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  if (spec.serviceAccount !== undefined) spec.serviceAccountName ||= spec.serviceAccount;
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  const { ephemeralContainers = [] } = spec as { ephemeralContainers?: Container[] };
  for (const container of ephemeralContainers) defaultContainer(container);
  for (const container of ownContainers(spec)) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

function ownContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(asWritten(spec).containers ?? [])];
}

/**
 * Fills in the defaults that a pod gets and a template does not.
 *
 * @example
 * ```ts
 * import type { PodSpec } from '@nodeagent/kube-client';
 * import { defaultPod } from '@nodeagent/pod-rules';
 *
 * const spec: PodSpec = { containers: [{ name: 'web', image: 'nginx:1.29' }] };
 * defaultPod(spec);
 * console.log(spec.restartPolicy, spec.containers[0]?.imagePullPolicy); // Always IfNotPresent
 * ```
 */
export function defaultPod(spec: PodSpec): void {
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork !== true) delete spec.hostNetwork;
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of ownContainers(spec)) {
    const { limits, requests } = container.resources ?? {};
    if (limits !== undefined && container.resources !== undefined) {
      container.resources.requests = { ...limits, ...requests };
    }
    if (spec.hostNetwork === true) {
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
    }
  }
  defaultPodLevelResources(spec);
}

function defaultContainer(container: Container): void {
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) defaultProbe(probe);
  }
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook?.httpGet !== undefined) defaultHttpGet(hook.httpGet);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.fileKeyRef !== undefined) valueFrom.fileKeyRef.optional ??= false;
  }
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet !== undefined) defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function defaultHttpGet(action: { path?: string; scheme?: string }): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}
