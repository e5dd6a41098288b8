import { CONFIG_MAPS, type ConfigMap, NAMESPACES, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { isDeleting, nameOf, sorted } from './objects.js';

const SYSTEM = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const ROOT_CA = 'kube-root-ca.crt';
/** Period between checks of a namespace that is being emptied. */
const RECHECK_MS = 1000;

/**
 * Creates the namespaces that every cluster has; creates in each namespace the service account
 * `default` and the CA that its pods trust; empties deleted namespaces.
 *
 * @param rootCaPem no config maps when absent
 */
export function planNamespaces(view: View, rootCaPem: string | undefined): Plan {
  const missing = SYSTEM.filter((name) => !view.namespaces.has(name)).map((name): Action => ({
    kind: 'create',
    resource: NAMESPACES,
    object: { metadata: { name } },
    why: 'every cluster has it',
  }));
  const namespaces = sorted(view.namespaces.values());
  const ending = namespaces.filter(isDeleting);
  const actions = [
    ...missing,
    ...namespaces
      .filter((namespace) => !isDeleting(namespace))
      .flatMap((namespace) => furnish(nameOf(namespace).name, view, rootCaPem)),
    ...ending.map((namespace): Action => {
      const { name } = nameOf(namespace);
      return { kind: 'empty-namespace', namespace: name, why: 'was deleted' };
    }),
  ];
  return ending.length === 0 ? { actions } : { actions, againInMs: RECHECK_MS };
}

function furnish(namespace: string, view: View, rootCaPem: string | undefined): readonly Action[] {
  const actions: Action[] = [];
  if (!view.serviceAccounts.has(`${namespace}/default`)) {
    const object = { metadata: { namespace, name: 'default' } };
    const why = 'pods run as it unless they say otherwise';
    actions.push({ kind: 'create', resource: SERVICE_ACCOUNTS, object, why });
  }
  if (rootCaPem === undefined) return actions;
  const name = { namespace, name: ROOT_CA };
  const known = view.configMaps.get(`${namespace}/${ROOT_CA}`);
  const data = { 'ca.crt': rootCaPem };
  const why = 'pods trust the API server by it';
  if (known === undefined) {
    const object: ConfigMap = { metadata: name, data };
    actions.push({ kind: 'create', resource: CONFIG_MAPS, object, why });
  } else if (known.data?.['ca.crt'] !== rootCaPem) {
    actions.push({
      kind: 'patch',
      resource: CONFIG_MAPS,
      name,
      type: 'merge',
      body: { data },
      why,
    });
  }
  return actions;
}
