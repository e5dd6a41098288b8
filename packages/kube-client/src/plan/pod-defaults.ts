import type { Container, PodSpec, Probe, Volume } from '../model/objects.js';

/**
 * Fills in what a pod template's spec leaves open.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go
 */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always';
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.schedulerName ||= 'default-scheduler';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  if (spec.serviceAccount !== undefined) spec.serviceAccountName ??= spec.serviceAccount;
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  const { ephemeralContainers = [] } = spec as { ephemeralContainers?: Container[] };
  for (const container of ephemeralContainers) defaultContainer(container);
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  for (const container of all) {
    defaultContainer(container);
    if (spec.hostNetwork === true) {
      for (const port of container.ports ?? []) port.hostPort ??= port.containerPort;
    }
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** What is set on a pod but not on a template. */
export function defaultPod(spec: PodSpec): void {
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork !== true) delete spec.hostNetwork;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const { limits, requests } = container.resources ?? {};
    if (limits !== undefined && container.resources !== undefined) {
      container.resources.requests = { ...limits, ...requests };
    }
  }
}

function defaultContainer(container: Container): void {
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||=
    tagOf(container.image ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
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
  }
}

/** The tag of an image reference, `latest` when it has neither tag nor digest. */
function tagOf(image: string): string {
  if (image.includes('@')) return '';
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
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

const FILE_MODE = 0o644;

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
  if (volume.secret !== undefined) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    for (const { fieldRef } of volume.downwardAPI.items ?? []) {
      if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1';
    }
  }
  if (volume.projected === undefined) return;
  volume.projected.defaultMode ??= FILE_MODE;
  for (const source of volume.projected.sources ?? []) {
    for (const { fieldRef } of source.downwardAPI?.items ?? []) {
      if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1';
    }
    if (source.serviceAccountToken !== undefined) {
      source.serviceAccountToken.expirationSeconds ??= 3600;
    }
  }
}
