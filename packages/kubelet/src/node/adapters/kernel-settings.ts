import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { readKernelText } from '@nodeagent/base/files';

import type { KernelSettings } from '../ports.js';

/** Larger than any number. */
const buffer = Buffer.allocUnsafe(64);

/** @param root the machine's `/proc/sys`, or the place where a container has it mounted */
export function createKernelSettings(root = '/proc/sys'): KernelSettings {
  return {
    read: async (name) => {
      const text = readKernelText(join(root, name), buffer)?.trim();
      if (text === undefined) throw new Error(`${join(root, name)} does not exist`);
      if (!/^-?\d{1,15}$/.test(text))
        throw new Error(`${join(root, name)} is not a number: ${text}`);
      return Number(text);
    },
    write: async (name, value) => writeFileSync(join(root, name), String(value)),
  };
}
