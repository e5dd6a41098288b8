import { asWritten, type Pod, type ServiceAccount, type Volume } from '@nodeagent/kube-client';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * An hour plus seven seconds, so that the kubelet's renewal does not coincide with clients that
 * renew hourly.
 */
const TOKEN_SECONDS = 3607;

/**
 * Sets the service account, adds its pull secrets to a pod that names none, and mounts its token,
 * the cluster's CA certificate and the namespace into every container that has no mount at that
 * path.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/serviceaccount/admission.go
 */
export function addServiceAccount(pod: Pod, account: ServiceAccount, suffix: string): void {
  const { spec } = pod;
  if (spec === undefined) return;
  spec.serviceAccountName ||= 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const { imagePullSecrets = [], automountServiceAccountToken: automount = true } = account;
  if ((spec.imagePullSecrets ?? []).length === 0 && imagePullSecrets.length > 0) {
    spec.imagePullSecrets = imagePullSecrets.map(({ name }) => ({ ...(name && { name }) }));
  }
  if (!(spec.automountServiceAccountToken ?? automount)) return;
  const containers = [...(spec.initContainers ?? []), ...(asWritten(spec).containers ?? [])];
  const open = containers.filter(
    ({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }) => mountPath === MOUNT_PATH),
  );
  if (open.length === 0) return;
  const name = `kube-api-access-${suffix}`;
  for (const container of open) {
    container.volumeMounts ??= [];
    container.volumeMounts.push({ name, mountPath: MOUNT_PATH, readOnly: true });
  }
  spec.volumes ??= [];
  spec.volumes.push(accessVolume(name));
}

function accessVolume(name: string): Volume {
  const namespace = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ fieldRef: namespace, path: 'namespace' }] } },
      ],
    },
  };
}

/** Pods leave a lost node after five minutes unless their spec says otherwise. */
export function addDefaultTolerations(pod: Pod): void {
  const { spec } = pod;
  if (spec === undefined) return;
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = (spec.tolerations ?? []).some(
      (toleration) =>
        (toleration.key === key || (toleration.key ?? '') === '') &&
        (toleration.effect === 'NoExecute' || (toleration.effect ?? '') === ''),
    );
    if (tolerated) continue;
    spec.tolerations ??= [];
    spec.tolerations.push({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    });
  }
}
