/** Versions of the protocol that plug-ins may speak. */
export const PROVIDER_API_VERSIONS = [
  'credentialprovider.kubelet.k8s.io/v1',
  'credentialprovider.kubelet.k8s.io/v1beta1',
  'credentialprovider.kubelet.k8s.io/v1alpha1',
] as const;

/** A program that gives credentials for the images of some registries. */
export interface CredentialProvider {
  /** Also the name of its file. */
  readonly name: string;
  readonly apiVersion: (typeof PROVIDER_API_VERSIONS)[number];
  /** Registries with globs in their host, and a path's beginning: `*.example.com/team`. */
  readonly matchImages: readonly string[];
  /** For answers that do not say how long they may be kept; 0: not at all. */
  readonly defaultCacheMs: number;
  readonly args: readonly string[];
  /** Added to the kubelet's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: it is not told for whom an image is pulled. */
  readonly token?: ProviderToken;
}

/** How a plug-in is shown the service account of the pod that an image is for. */
export interface ProviderToken {
  readonly audience: string;
  /** Whether credentials are kept for a token, or for all pods of a service account. */
  readonly cacheType: 'ServiceAccount' | 'Token';
  /** Pods without a service account get nothing from it. */
  readonly requireServiceAccount: boolean;
  /** Annotations of the service account that are handed over; it is not asked where one is missing. */
  readonly requiredAnnotations: readonly string[];
  /** Handed over where they are. */
  readonly optionalAnnotations: readonly string[];
}
