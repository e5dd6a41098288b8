import { parseGoDuration } from '@nodeagent/base';
import {
  ConfigError,
  isConfigError,
  parseConfigFile,
  type Problem,
} from '@nodeagent/component-base';
import { parsed } from '@nodeagent/component-base/config-fields';
import * as z from 'zod/mini';

import {
  type CredentialProvider,
  PROVIDER_API_VERSIONS,
  type ProviderToken,
} from '../model/credential-provider.js';

const CONFIG_KIND = {
  apiVersions: [
    'kubelet.config.k8s.io/v1',
    'kubelet.config.k8s.io/v1beta1',
    'kubelet.config.k8s.io/v1alpha1',
  ],
  kind: 'CredentialProviderConfig',
} as const;
const TOKENS_NEED = PROVIDER_API_VERSIONS[0];

/** One configuration file. */
export interface ProviderConfigText {
  /** The file's path, for messages. */
  readonly source: string;
  readonly text: string;
}

export interface ProviderConfigRules {
  readonly place: string;
  readonly tokens: boolean;
}

const texts = () => z.optional(z.nullable(z.array(z.string())));

const tokenSchema = z.strictObject({
  serviceAccountTokenAudience: z
    .string({ error: 'must name an audience' })
    .check(z.minLength(1, { error: 'must name an audience' })),
  cacheType: z.enum(['ServiceAccount', 'Token'], { error: 'must be ServiceAccount or Token' }),
  requireServiceAccount: z.boolean({ error: 'must be true or false' }),
  requiredServiceAccountAnnotationKeys: texts(),
  optionalServiceAccountAnnotationKeys: texts(),
});

const providerSchema = z.strictObject({
  name: z.string({ error: 'must be the name of a file in --image-credential-provider-bin-dir' }),
  apiVersion: z.enum(PROVIDER_API_VERSIONS, {
    error: `must be ${PROVIDER_API_VERSIONS.join(' or ')}`,
  }),
  matchImages: z
    .array(z.string(), { error: 'must be a list of registries' })
    .check(z.minLength(1, { error: 'at least 1 item in matchImages is required' })),
  defaultCacheDuration: parsed((text) => {
    const ms = parseGoDuration(text);
    return ms !== undefined && ms >= 0 ? ms : undefined;
  }, 'a duration such as 12h, not negative'),
  args: texts(),
  env: z.optional(
    z.nullable(z.array(z.strictObject({ name: z.string(), value: z.optional(z.string()) }))),
  ),
  tokenAttributes: z.optional(z.nullable(tokenSchema)),
});

/**
 * Parses a CredentialProviderConfig, which may be split over several files. Unlike in other
 * configuration, an unknown field is an error.
 *
 * @param texts ordered by file name
 * @param rules `place` names all files in messages; without `tokens`, plug-ins must not request
 *   tokens
 * @throws {ConfigError} `CONFIG_INVALID` with every problem found
 * @see Kubernetes 1.36 pkg/credentialprovider/plugin/config.go
 */
export function parseProviderConfig(
  texts: readonly ProviderConfigText[],
  { place, tokens }: ProviderConfigRules,
): readonly CredentialProvider[] {
  const problems: Problem[] = [];
  const found: { provider: CredentialProvider; field: string }[] = [];
  for (const { source, text } of texts) {
    const prefix = source === place ? '' : `${source}: `;
    for (const [at, given] of listOf(text, source, prefix, problems).entries()) {
      const field = `${prefix}providers[${at}]`;
      const checked = z.safeParse(providerSchema, given);
      if (!checked.success) {
        problems.push(...checked.error.issues.flatMap((issue) => problemsOf(issue, field)));
        continue;
      }
      found.push({ provider: providerOf(checked.data), field });
    }
  }
  if (found.length === 0 && problems.length === 0) {
    problems.push({ field: 'providers', message: 'at least 1 provider is required' });
  }
  problems.push(...found.flatMap(({ provider, field }) => providerProblems(provider, field)));
  for (const { provider, field } of found) {
    if (tokens || provider.token === undefined) continue;
    const message = 'needs the feature gate KubeletServiceAccountTokenForCredentialProviders';
    problems.push({ field: `${field}.tokenAttributes`, message });
  }
  const names = found.map(({ provider }) => provider.name);
  for (const [at, { field }] of found.entries()) {
    const name = names[at] ?? '';
    if (names.indexOf(name) === at) continue;
    problems.push({ field: `${field}.name`, message: `${JSON.stringify(name)} is a duplicate` });
  }
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', { source: place, problems });
  return found.map(({ provider }) => provider);
}

function listOf(
  text: string,
  source: string,
  prefix: string,
  problems: Problem[],
): readonly unknown[] {
  try {
    const { value } = parseConfigFile(text, source, CONFIG_KIND);
    const { providers = [] } = value;
    if (Array.isArray(providers)) return providers;
    problems.push({ field: `${prefix}providers`, message: 'must be a list' });
  } catch (error) {
    if (!isConfigError(error, 'CONFIG_INVALID')) throw error;
    problems.push(
      ...error.problems.map(({ field, message }) => ({ field: `${prefix}${field}`, message })),
    );
  }
  return [];
}

function problemsOf(issue: z.core.$ZodIssue, field: string): readonly Problem[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  const at = `${field}${path.join('')}`;
  if (issue.code !== 'unrecognized_keys') return [{ field: at, message: issue.message }];
  return issue.keys.map((key) => ({ field: `${at}.${key}`, message: 'is an unknown field' }));
}

function providerOf(given: z.output<typeof providerSchema>): CredentialProvider {
  const { name, apiVersion, matchImages, tokenAttributes: token } = given;
  return {
    ...{ name, apiVersion, matchImages },
    defaultCacheMs: given.defaultCacheDuration.value,
    args: given.args ?? [],
    env: Object.fromEntries((given.env ?? []).map((one) => [one.name, one.value ?? ''])),
    ...(token && {
      token: {
        audience: token.serviceAccountTokenAudience,
        cacheType: token.cacheType,
        requireServiceAccount: token.requireServiceAccount,
        requiredAnnotations: token.requiredServiceAccountAnnotationKeys ?? [],
        optionalAnnotations: token.optionalServiceAccountAnnotationKeys ?? [],
      },
    }),
  };
}

/** A host with optional globs, port and path. */
const MATCH = /^(\[[0-9a-fA-F:]+\]|[^\s/:]+)(:\d+)?(\/\S*)?$/;

function providerProblems(provider: CredentialProvider, at: string): readonly Problem[] {
  const { name, apiVersion, matchImages, token } = provider;
  const problems: Problem[] = [];
  const add = (field: string, message: string): void => {
    problems.push({ field: `${at}.${field}`, message });
  };
  if (name === '' || name === '.' || name === '..' || /[/ ]/.test(name)) {
    add('name', `must be a file name without spaces, found ${JSON.stringify(name)}`);
  }
  for (const image of matchImages) {
    if (MATCH.test(image)) continue;
    add('matchImages', `match image is invalid: ${JSON.stringify(image)}`);
  }
  if (token === undefined) return problems;
  if (apiVersion !== TOKENS_NEED) add('tokenAttributes', `needs apiVersion ${TOKENS_NEED}`);
  return [...problems, ...tokenProblems(token, `${at}.tokenAttributes`)];
}

/** @see Kubernetes 1.36 apimachinery/pkg/util/validation, IsQualifiedName */
const ANNOTATION =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/i;

function tokenProblems(token: ProviderToken, at: string): readonly Problem[] {
  const { requireServiceAccount, requiredAnnotations, optionalAnnotations } = token;
  const problems: Problem[] = [];
  const add = (field: string, message: string): void => {
    problems.push({ field: `${at}.${field}`, message });
  };
  const lists = {
    requiredServiceAccountAnnotationKeys: requiredAnnotations,
    optionalServiceAccountAnnotationKeys: optionalAnnotations,
  };
  if (!requireServiceAccount && requiredAnnotations.length > 0) {
    add('requiredServiceAccountAnnotationKeys', 'needs requireServiceAccount: true');
  }
  for (const [field, keys] of Object.entries(lists)) {
    for (const [index, key] of keys.entries()) {
      if (!ANNOTATION.test(key)) add(field, `${JSON.stringify(key)} is not a valid annotation key`);
      if (keys.indexOf(key) !== index) add(field, `${JSON.stringify(key)} is a duplicate`);
    }
  }
  for (const key of new Set(requiredAnnotations)) {
    if (!optionalAnnotations.includes(key)) continue;
    add(
      'optionalServiceAccountAnnotationKeys',
      `${JSON.stringify(key)} is already among the required keys`,
    );
  }
  return problems;
}
