import type { CsiServices } from '../ports.js';
import {
  type SanityCase,
  type SanityContext,
  type SanityOptions,
  SINGLE_WRITER,
} from './sanity-case.js';
import { controllerCases } from './sanity-controller.js';
import { identityCases } from './sanity-identity.js';
import { lifeCases } from './sanity-life.js';
import { nodeCases } from './sanity-node.js';

/** The rules of CSI that can be tested through a driver's services. */
export const SANITY_CASES: readonly SanityCase[] = [
  ...identityCases,
  ...controllerCases,
  ...nodeCases,
  ...lifeCases,
];

/**
 * Runs a rule on a driver. Cases leave no volume behind when they pass.
 *
 * @returns false if the driver does not support the feature
 * @throws an Error that states the driver's fault
 */
export async function runSanityCase(
  one: SanityCase,
  csi: CsiServices,
  options: SanityOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const context = await contextOf(csi, options, signal);
  const { plugin, node, controller } = one.needs ?? {};
  const applies =
    (plugin === undefined || context.plugin.has(plugin)) &&
    (node === undefined || context.node.has(node)) &&
    (controller === undefined || context.controller.has(controller));
  if (applies) await one.run(context);
  return applies;
}

async function contextOf(
  csi: CsiServices,
  options: SanityOptions,
  signal: AbortSignal,
): Promise<SanityContext> {
  const said = await csi.identity.getPluginCapabilities({}, signal);
  const plugin = new Set(
    said.capabilities.flatMap(({ type }) => (type?.kind === 'service' ? [type.value.type] : [])),
  );
  const node = await csi.node.getCapabilities({}, signal);
  const controller = plugin.has('controller-service')
    ? await csi.controller.getCapabilities({}, signal)
    : { capabilities: [] };
  const { capability = SINGLE_WRITER, parameters = {}, volumeBytes = 2 ** 30 } = options;
  return {
    newName: options.newName,
    newTargetPath: options.newTargetPath,
    ...(options.pause && { pause: options.pause }),
    newStagingPath: options.newStagingPath,
    csi,
    capability,
    parameters,
    volumeBytes,
    signal,
    plugin,
    node: new Set(node.capabilities.flatMap(({ type }) => type?.value.type ?? [])),
    controller: new Set(controller.capabilities.flatMap(({ type }) => type?.value.type ?? [])),
  };
}
