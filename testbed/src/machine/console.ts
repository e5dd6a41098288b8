import { readFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

import { isGone } from '../proc.ts';

/** Returns the last lines that a machine wrote to its serial console. */
export async function readConsole(file: string, lines = 40): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isGone(error)) return '';
    throw error;
  });
  const clean = stripVTControlCharacters(text).replaceAll('\r', '');
  return clean.trimEnd().split('\n').slice(-lines).join('\n');
}
