import type { PersistentVolumeClaim } from '@nodeagent/kube-client';

import { refused } from '../model/errors.js';

/** The place of a secret with a driver's credentials. */
export interface SecretRef {
  readonly name: string;
  readonly namespace: string;
}

/** The uses that a driver makes of secrets, as a class names them. */
export const SECRET_USES = [
  'provisioner',
  'controller-publish',
  'node-stage',
  'node-publish',
  'controller-expand',
  'node-expand',
] as const;

export type SecretUse = (typeof SECRET_USES)[number];

/** A storage class's parameters, those for the controller apart from those for the driver. */
export interface ClassParameters {
  /** For the driver. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Empty for the driver's own default. */
  readonly fsType: string;
  readonly secrets: Readonly<Partial<Record<SecretUse, SecretRef>>>;
}

const PREFIX = 'csi.storage.k8s.io/';

/**
 * Reads the parameters of a class for one claim: `csi.storage.k8s.io/…` is for the controller, all
 * others are for the driver.
 *
 * @throws {CsiControllerError} `CSI_CONTROLLER_REFUSED` with the wrong parameter
 * @see https://kubernetes-csi.github.io/docs/secrets-and-credentials-storage-class.html
 */
export function readParameters(
  parameters: Readonly<Record<string, string>>,
  claim: PersistentVolumeClaim,
  volumeName: string,
): ClassParameters {
  const own = new Map<string, string>();
  const rest: [string, string][] = [];
  for (const [key, value] of Object.entries(parameters)) {
    if (key.startsWith(PREFIX)) own.set(key.slice(PREFIX.length), value);
    else rest.push([key, value]);
  }
  const secrets: Partial<Record<SecretUse, SecretRef>> = {};
  for (const use of SECRET_USES) {
    const [name, namespace] = [`${use}-secret-name`, `${use}-secret-namespace`].map((key) => {
      const text = own.get(key);
      own.delete(key);
      return text === undefined ? undefined : resolved(text, key, { claim, volumeName });
    });
    if (name === undefined && namespace === undefined) continue;
    if (name === undefined || namespace === undefined) {
      const missing = name === undefined ? 'name' : 'namespace';
      throw refused(`the class has no parameter ${PREFIX}${use}-secret-${missing}`);
    }
    secrets[use] = { name, namespace };
  }
  const fsType = own.get('fstype') ?? '';
  own.delete('fstype');
  const [unknown] = own.keys();
  if (unknown !== undefined) throw refused(`the class's parameter ${PREFIX}${unknown} is unknown`);
  return { parameters: Object.fromEntries(rest), fsType, secrets };
}

const ANNOTATION = /^pvc\.annotations\['([^']{1,270})'\]$/;

/** Names of secrets may depend on the claim; only those of one namespace may name its annotations. */
function resolved(
  text: string,
  key: string,
  { claim, volumeName }: { readonly claim: PersistentVolumeClaim; readonly volumeName: string },
): string {
  const { name = '', namespace = '', annotations = {} } = claim.metadata ?? {};
  const values: Readonly<Record<string, string>> = {
    'pv.name': volumeName,
    'pvc.name': name,
    'pvc.namespace': namespace,
  };
  const [first = '', ...others] = text.split('${');
  const parts = others.map((part) => {
    const end = part.indexOf('}');
    const token = part.slice(0, Math.max(end, 0));
    const annotation = ANNOTATION.exec(token)?.[1];
    const isName = key.endsWith('-name');
    const value = annotation !== undefined && isName ? annotations[annotation] : values[token];
    if (value === undefined) throw refused(`the class's parameter ${PREFIX}${key}: \${${part}`);
    return `${value}${part.slice(end + 1)}`;
  });
  return [first, ...parts].join('');
}
