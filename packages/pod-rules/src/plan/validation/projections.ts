import { asWritten, type Volume } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { each, type Errors, isEmpty, needed, oneOf, present } from './checks.js';
import { volumeFileErrors } from './formats.js';

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Item = NonNullable<NonNullable<Projection['secret']>['items']>[number];
type DownwardFile = NonNullable<NonNullable<Projection['downwardAPI']>['items']>[number];
type Bundle = NonNullable<Projection['clusterTrustBundle']>;
type Certificate = NonNullable<Projection['podCertificate']>;
type Token = NonNullable<Projection['serviceAccountToken']>;

const KINDS = [
  ...(['secret', 'configMap', 'downwardAPI', 'serviceAccountToken'] as const),
  ...(['clusterTrustBundle', 'podCertificate'] as const),
];
const KEY_TYPES = ['ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519', 'RSA3072', 'RSA4096'];
const SHORTEST_TOKEN_SECONDS = 600;
const LONGEST_TOKEN_SECONDS = 2 ** 32;
const SHORTEST_CERTIFICATE_SECONDS = 3600;
const LONGEST_CERTIFICATE_SECONDS = 91 * 24 * 3600;
const LONGEST_OF_KUBERNETES_SECONDS = 24 * 3600;

/** The checks of files that projected volumes share with other volumes. */
export interface FileRules {
  readonly itemErrors: (item: Item, path: string) => Errors;
  readonly downwardFileErrors: (file: DownwardFile, path: string) => Errors;
}

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validateProjectionSources */
export function projectionErrors(
  sources: readonly Projection[],
  path: string,
  rules: FileRules,
): Errors {
  return [
    ...each(sources, `${path}.sources`, (source, where) => sourceErrors(source, where, rules)),
    ...sources.flatMap(({ serviceAccountToken: token }) =>
      token === undefined ? [] : tokenPathErrors(token, `${path}.path`),
    ),
    ...conflictErrors(sources, path),
  ];
}

function sourceErrors(source: Projection, path: string, rules: FileRules): Errors {
  const { secret, configMap, downwardAPI } = source;
  const { serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const named = [
    ['secret', secret],
    ['configMap', configMap],
  ] as const;
  return [
    ...named.flatMap(([kind, object]) => {
      if (object === undefined) return [];
      const where = `${path}.${kind}`;
      return [
        ...needed(`${where}.name`, object.name),
        ...each(object.items, `${where}.items`, rules.itemErrors),
      ];
    }),
    ...(downwardAPI?.items ?? []).flatMap((file) =>
      rules.downwardFileErrors(file, `${path}.downwardAPI`),
    ),
    ...(serviceAccountToken === undefined
      ? []
      : tokenErrors(serviceAccountToken, `${path}.serviceAccountToken.expirationSeconds`)),
    ...(clusterTrustBundle === undefined
      ? []
      : bundleErrors(clusterTrustBundle, `${path}.clusterTrustBundle`)),
    ...(podCertificate === undefined
      ? []
      : certificateErrors(podCertificate, `${path}.podCertificate`)),
    ...(present(source, KINDS).length > 1
      ? [field.forbidden(path, 'may not specify more than 1 volume type per source')]
      : []),
  ];
}

function tokenErrors({ expirationSeconds: seconds = 0 }: Token, path: string): Errors {
  if (seconds < SHORTEST_TOKEN_SECONDS) {
    return [field.invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  }
  if (seconds <= LONGEST_TOKEN_SECONDS) return [];
  return [field.invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')];
}

function tokenPathErrors(token: Token, path: string): Errors {
  const { path: file = '' } = asWritten(token);
  return file === '' ? [field.required(path)] : volumeFileErrors(path, file);
}

function bundleErrors(bundle: Bundle, path: string): Errors {
  const { name, signerName, labelSelector, path: file = '' } = asWritten(bundle);
  const problems =
    name !== undefined && signerName !== undefined
      ? [field.invalid(path, bundle, 'only one of name and signerName may be used')]
      : name !== undefined
        ? [
            ...needed(`${path}.name`, name, 'must be a valid object name'),
            ...(labelSelector === undefined
              ? []
              : [
                  field.invalid(
                    `${path}.labelSelector`,
                    labelSelector,
                    'labelSelector must be unset if name is specified',
                  ),
                ]),
          ]
        : signerName === undefined
          ? [field.required(path, 'either name or signerName must be specified')]
          : needed(`${path}.signerName`, signerName, 'must be a valid signer name');
  return [...problems, ...needed(`${path}.path`, file), ...volumeFileErrors(`${path}.path`, file)];
}

function certificateErrors(certificate: Certificate, path: string): Errors {
  const { signerName = '', keyType, maxExpirationSeconds: seconds } = asWritten(certificate);
  const files = certificateFiles(certificate);
  const isOurs = /^(?:[^/]*\.)?kubernetes\.io\//.test(signerName);
  const most = isOurs ? LONGEST_OF_KUBERNETES_SECONDS : LONGEST_CERTIFICATE_SECONDS;
  const secondsAt = `${path}.maxExpirationSeconds`;
  return [
    ...needed(`${path}.signerName`, signerName),
    ...(keyType === undefined || isEmpty(keyType)
      ? [field.notSupported(`${path}.keyType`, '', KEY_TYPES)]
      : oneOf(`${path}.keyType`, keyType, KEY_TYPES)),
    ...(seconds !== undefined && seconds < SHORTEST_CERTIFICATE_SECONDS
      ? [field.invalid(secondsAt, seconds, 'if provided, maxExpirationSeconds must be >= 3600')]
      : []),
    ...(seconds !== undefined && seconds > most
      ? [field.invalid(secondsAt, seconds, `if provided, maxExpirationSeconds must be <= ${most}`)]
      : []),
    ...files.flatMap(([name, file]) => volumeFileErrors(`${path}.${name}`, file)),
    ...(files.length === 0
      ? [
          field.required(
            path,
            'specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
          ),
        ]
      : []),
  ];
}

function certificateFiles(certificate: Certificate): readonly (readonly [string, string])[] {
  const names = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  return names.flatMap((name) => {
    const file = certificate[name] ?? '';
    return file === '' ? [] : [[name, file] as const];
  });
}

/** Two sources must not write the same file. */
function conflictErrors(sources: readonly Projection[], path: string): Errors {
  const seen = new Set<string>();
  return sources.flatMap((source) => {
    const { secret, configMap, downwardAPI, clusterTrustBundle, podCertificate } = source;
    const files: readonly (readonly [shown: string, file: string | undefined])[] = [
      ...(secret?.items ?? []).map(({ path: file }) => [secret?.name ?? '', file] as const),
      ...(configMap?.items ?? []).map(({ path: file }) => [configMap?.name ?? '', file] as const),
      ...(downwardAPI?.items ?? []).map(({ path: file }) => [file, file] as const),
      ...(clusterTrustBundle === undefined
        ? []
        : [[clusterTrustBundle.path, clusterTrustBundle.path] as const]),
      ...(podCertificate === undefined
        ? []
        : certificateFiles(podCertificate).map(([, file]) => [file, file] as const)),
    ];
    return files.flatMap(([shown, file = '']) => {
      if (file === '') return [];
      const isTwice = seen.has(file);
      seen.add(file);
      return isTwice ? [field.invalid(path, shown, 'conflicting duplicate paths')] : [];
    });
  });
}
