import { type Clock, isAborted, type Logger } from '@nodeagent/base';
import { type CsiServices, isCsiError } from '@nodeagent/csi';

import type { DriverFacts } from '../model/driver.js';

const RETRY_MS = 1000;

/**
 * Asks the driver what it is and can do, until it answers.
 *
 * @returns undefined when the signal fires first
 */
export async function readDriver(
  csi: Pick<CsiServices, 'identity' | 'controller' | 'node'>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<DriverFacts | undefined> {
  let told = false;
  while (!signal.aborted) {
    try {
      return await ask(csi, signal);
    } catch (err) {
      if (isAborted(signal)) return undefined;
      if (!isCsiError(err)) throw err;
      if (!told) log.warn({ err }, 'waiting for the driver');
      told = true;
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return undefined;
}

async function ask(
  { identity, controller, node }: Pick<CsiServices, 'identity' | 'controller' | 'node'>,
  signal: AbortSignal,
): Promise<DriverFacts> {
  const { name } = await identity.getPluginInfo({}, signal);
  const plugin = await identity.getPluginCapabilities({}, signal);
  const services = plugin.capabilities.flatMap(({ type }) =>
    type?.kind === 'service' ? [type.value.type] : [],
  );
  const isController = services.includes('controller-service');
  const { capabilities } = isController
    ? await controller.getCapabilities({}, signal)
    : { capabilities: [] };
  return {
    name,
    services: new Set(services),
    controller: new Set(capabilities.flatMap(({ type }) => type?.value.type ?? [])),
    expandsOnNode: await expandsOnNode(node, signal),
  };
}

/** A controller may serve where no node service runs. */
async function expandsOnNode(node: CsiServices['node'], signal: AbortSignal): Promise<boolean> {
  try {
    const { capabilities } = await node.getCapabilities({}, signal);
    return capabilities.some(({ type }) => type?.value.type === 'expand-volume');
  } catch (error) {
    if (isCsiError(error, 'CSI_UNIMPLEMENTED')) return false;
    throw error;
  }
}
