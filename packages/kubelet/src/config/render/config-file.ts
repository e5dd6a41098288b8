import type { PlainObject } from '@nodeagent/component-base';

import type { KubeletConfig } from '../model/config.js';
import { CONFIG_KIND } from '../model/config-file.js';

/**
 * Renders the configuration in force as a file, for `/configz`. Header values for static pods may
 * be secrets and are masked.
 */
export function renderConfig({ document }: Pick<KubeletConfig, 'document'>): PlainObject {
  const headers = Object.keys(document.staticPodURLHeader).map((name) => [name, ['<masked>']]);
  return {
    ...document,
    staticPodURLHeader: Object.fromEntries(headers),
    apiVersion: CONFIG_KIND.apiVersions[0],
    kind: CONFIG_KIND.kind,
  };
}
