/** The supported versions of the plug-in protocol. */
export const PROVIDER_API_VERSIONS = [
  'credentialprovider.kubelet.k8s.io/v1',
  'credentialprovider.kubelet.k8s.io/v1beta1',
  'credentialprovider.kubelet.k8s.io/v1alpha1',
] as const;

/** A program that supplies credentials for the images of certain registries. */
export interface CredentialProvider {
  /** Also the file name of the program. */
  readonly name: string;
  readonly apiVersion: (typeof PROVIDER_API_VERSIONS)[number];
  /** Registries, with globs in the host and an optional path prefix: `*.example.com/team`. */
  readonly matchImages: readonly string[];
  /** Cache duration for answers that contain none; 0: no caching. */
  readonly defaultCacheMs: number;
  readonly args: readonly string[];
  /** Added to the kubelet's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: the plug-in does not learn for which pod an image is pulled. */
  readonly token?: ProviderToken;
}

/** How a plug-in gets the service account of the pod that needs the image. */
export interface ProviderToken {
  readonly audience: string;
  /** Cache credentials per token, or for all pods of a service account. */
  readonly cacheType: 'ServiceAccount' | 'Token';
  /** The plug-in gets no requests for pods without a service account. */
  readonly requireServiceAccount: boolean;
  /** Annotations of the service account to pass; if one is missing, the plug-in is not called. */
  readonly requiredAnnotations: readonly string[];
  /** Annotations to pass if they exist. */
  readonly optionalAnnotations: readonly string[];
}
