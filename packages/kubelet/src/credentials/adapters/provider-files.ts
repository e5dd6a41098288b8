import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';
import { ConfigError, isConfigError, type Problem } from '@nodeagent/component-base';

import type { CredentialProvider } from '../model/credential-provider.js';
import {
  parseProviderConfig,
  type ProviderConfigRules,
  type ProviderConfigText,
} from '../plan/provider-config.js';
import type { ConfiguredProviders } from '../ports.js';

const EXTENSIONS: ReadonlySet<string> = new Set(['.json', '.yaml', '.yml']);

/**
 * Reads the configuration of credential providers, a file or a directory of files, and checks that
 * their programs exist.
 *
 * @param rules without `tokens`, plug-ins must not request service account tokens
 * @throws {ConfigError} with every problem of the configuration and the programs
 * @see Kubernetes 1.36 pkg/credentialprovider/plugin/config.go
 */
export async function readCredentialProviders(
  path: string,
  binDir: string,
  { tokens }: Pick<ProviderConfigRules, 'tokens'>,
): Promise<Omit<ConfiguredProviders, 'call'>> {
  const texts = await readTexts(path);
  const problems: Problem[] = [];
  let providers: readonly CredentialProvider[] = [];
  try {
    providers = parseProviderConfig(texts, { place: path, tokens });
  } catch (error) {
    if (!isConfigError(error, 'CONFIG_INVALID')) throw error;
    problems.push(...error.problems);
  }
  problems.push(...(await programProblems(providers, binDir)));
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', { source: path, problems });
  return { providers, hash: hashOf(texts) };
}

async function readTexts(path: string): Promise<readonly ProviderConfigText[]> {
  try {
    const isDirectory = (await stat(path)).isDirectory();
    const files = isDirectory ? await filesIn(path) : [path];
    return await Promise.all(files.map(async (source) => ({ source, text: await textOf(source) })));
  } catch (cause) {
    const problems = [{ field: '', message: (cause as Error).message }];
    throw new ConfigError('CONFIG_UNREADABLE', { source: path, problems }, { cause });
  }
}

/** The directory may be a config map volume, which consists of links. */
const CONFIG = { links: 'followed', limitBytes: 10 * 2 ** 20 } as const;

async function textOf(path: string): Promise<string> {
  const text = await readForeignText(path, CONFIG);
  if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  return text;
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name)))
    .map((entry) => join(directory, entry.name))
    .sort();
  if (files.length === 0) throw new Error('contains no *.json, *.yaml or *.yml file');
  return files;
}

async function programProblems(
  providers: readonly CredentialProvider[],
  binDir: string,
): Promise<readonly Problem[]> {
  const field = '--image-credential-provider-bin-dir';
  const isThere = await stat(binDir).then(
    (found) => found.isDirectory(),
    () => false, // for any reason: no program can run from there
  );
  if (!isThere) return [{ field, message: `there is no directory ${JSON.stringify(binDir)}` }];
  const found = await Promise.all(
    providers.map(async ({ name }): Promise<readonly Problem[]> => {
      const program = join(binDir, name);
      try {
        await access(program, constants.X_OK);
        if ((await stat(program)).isFile()) return [];
        return [{ field, message: `${program} is not a file` }];
      } catch (error) {
        return [{ field, message: `${program} cannot be executed: ${(error as Error).message}` }];
      }
    }),
  );
  return found.flat();
}

/** Includes lengths, so that moving text between files changes the hash. */
function hashOf(texts: readonly ProviderConfigText[]): string {
  const hash = createHash('sha256');
  for (const { text } of texts) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
    hash.update(length).update(text);
  }
  return `sha256:${hash.digest('hex')}`;
}
