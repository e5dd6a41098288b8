import type { Logger } from '@nodeagent/base';

import { KernelSettingError } from '../model/kernel-setting-error.js';
import { KERNEL_SETTINGS, type KernelSetting } from '../plan/kernel-settings.js';
import type { KernelSettings } from '../ports.js';

export interface PrepareKernelOptions {
  readonly settings: KernelSettings;
  /** `protectKernelDefaults`: other values are refused, not changed. */
  readonly isProtected: boolean;
  readonly log: Logger;
}

/**
 * Gives the kernel the settings that pods need.
 *
 * @throws {KernelSettingError} with every setting that the kernel lacks or keeps at another value
 */
export async function prepareKernel(options: PrepareKernelOptions): Promise<void> {
  const found = await Promise.all(KERNEL_SETTINGS.map((wanted) => tryToPrepare(wanted, options)));
  const problems = found.filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new KernelSettingError(problems);
}

async function tryToPrepare(
  wanted: KernelSetting,
  options: PrepareKernelOptions,
): Promise<string | undefined> {
  try {
    return await prepare(wanted, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `kernel flag ${wanted.name} must be ${wanted.value}: ${why}`;
  }
}

/** @returns upstream's message about a value that must not be changed */
async function prepare(
  { name, value }: KernelSetting,
  { settings, isProtected, log }: PrepareKernelOptions,
): Promise<string | undefined> {
  const actual = await settings.read(name);
  if (actual === value) return undefined;
  if (isProtected) {
    return `invalid kernel flag: ${name}, expected value: ${value}, actual value: ${actual}`;
  }
  await settings.write(name, value);
  log.info({ setting: name, from: actual, to: value }, 'changed a kernel setting');
  return undefined;
}
