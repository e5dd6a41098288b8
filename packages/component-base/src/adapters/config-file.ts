import { readFile } from 'node:fs/promises';

import { type ConfigKind, type LooseConfig, parseConfigFile } from '../codec/decode-config.js';
import { ConfigError } from '../model/errors.js';

/**
 * @throws {ConfigError} `CONFIG_UNREADABLE` when the file cannot be read, `CONFIG_INVALID` when it
 *   is not the wanted kind
 */
export async function readConfigFile(path: string, wanted: ConfigKind): Promise<LooseConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const problems = [{ field: '', message: (cause as Error).message }];
    throw new ConfigError('CONFIG_UNREADABLE', { source: path, problems }, { cause });
  }
  return parseConfigFile(text, path, wanted);
}
