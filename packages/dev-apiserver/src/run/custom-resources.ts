import { kindOf } from '../model/kinds.js';
import { type ApiObject, deepEqual, type JsonObject } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import { definitionOf, isEstablished, kindsOf } from '../plan/custom/definition.js';
import {
  acceptNames,
  CLEANUP_FINALIZER,
  terminating,
} from '../plan/custom/definition-conditions.js';
import type { Catalog } from './catalog.js';
import type { Expressions } from './expressions.js';
import type { Registry } from './registry.js';

const DEFINITIONS = kindOf('apiextensions.k8s.io', 'customresourcedefinitions');

const CONTEXT: WriteContext = {
  user: { username: 'system:apiserver', groups: ['system:masters'] },
  dryRun: false,
  fieldManager: 'kube-apiserver',
  force: false,
};

/**
 * Serves the kinds of CustomResourceDefinitions: accepts their names, and deletes their objects
 * with them. Each change takes effect before the next request is read.
 */
export function serveCustomResources(
  registry: Registry,
  catalog: Catalog,
  { rulesOf }: Expressions,
  onError: (error: unknown) => void,
): void {
  const watched = new Set<string>();
  // Later: the other listeners must see this change before those that follow from it.
  const soon = (name: string): void => void Promise.resolve(name).then(sync).catch(onError);
  registry.store.collection(DEFINITIONS.storage).listen(({ key }) => soon(key));

  const setStatus = (name: string, status: JsonObject, more: (next: ApiObject) => void): void => {
    registry.update(
      DEFINITIONS,
      { namespace: '', name, part: 'internal' },
      (old) => {
        const next = structuredClone(old) as ApiObject;
        next.status = status;
        more(next);
        return next;
      },
      CONTEXT,
    );
  };

  const sync = (name: string): void => {
    const object = registry.find(DEFINITIONS, { namespace: '', name });
    if (object === undefined) catalog.serve(name, []);
    else if (object.metadata.deletionTimestamp !== undefined) empty(name, object);
    else accept(name, object);
  };

  const accept = (name: string, object: ApiObject): void => {
    const others = registry.all(DEFINITIONS).filter((other) => other.metadata.name !== name);
    const accepted = others.filter(isEstablished);
    const status = acceptNames(object, accepted, registry.clock.nowMs());
    const next = { ...object, status };
    catalog.serve(name, isEstablished(next) ? kindsOf(definitionOf(next), rulesOf) : []);
    if (!deepEqual(status, object.status)) setStatus(name, status, () => undefined);
  };

  const empty = (name: string, object: ApiObject): void => {
    if (object.metadata.finalizers?.includes(CLEANUP_FINALIZER) !== true) return;
    const [kind] = kindsOf(definitionOf(object), rulesOf);
    const found = kind === undefined ? [] : registry.all(kind);
    if (kind !== undefined) {
      if (!watched.has(kind.storage)) {
        watched.add(kind.storage);
        const objects = registry.store.collection(kind.storage);
        objects.listen(({ type }) => {
          if (type === 'deleted') soon(name);
        });
      }
      for (const { metadata } of found) {
        if (metadata.deletionTimestamp !== undefined) continue;
        const target = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
        registry.delete(kind, target, {}, { dryRun: false });
      }
    }
    const left = kind === undefined ? 0 : registry.all(kind).length;
    const status = terminating(object, left, registry.clock.nowMs());
    if (left > 0 && deepEqual(status, object.status)) return;
    setStatus(name, status, ({ metadata }) => {
      if (left > 0) return;
      const { finalizers = [] } = metadata;
      metadata.finalizers = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
    });
  };
}
