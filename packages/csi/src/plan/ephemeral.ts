/**
 * True for a volume that a pod declares in its own manifest and that lives as long as the pod: it
 * is published without being created or staged first. The kubelet marks it as such.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_mounter.go
 */
export function isEphemeral(volumeContext: Readonly<Record<string, string>>): boolean {
  return volumeContext['csi.storage.k8s.io/ephemeral'] === 'true';
}
