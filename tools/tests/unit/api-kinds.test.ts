import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { AnyResource, KubeObject } from '@nodeagent/kube-client';
import { BUILT_IN_RESOURCES, resourceOf } from '@nodeagent/kube-client/resources';
import { describe, expect, it } from 'vitest';

import {
  publicName,
  readNewestKinds,
  readServedKinds,
  type ServedKind,
} from '../../client-node-kinds.ts';
import { ROOT } from '../../test/process.ts';

function textOf({ plural, namespaced, createOnly, ...rest }: ServedKind | AnyResource<KubeObject>) {
  const scope = namespaced ? 'by namespace' : 'without namespaces';
  const calls = createOnly === true ? 'create' : 'all calls';
  return `${apiVersionOf(rest)} ${rest.kind}: ${plural}, ${scope}, ${calls}`;
}

function apiVersionOf({ group, version }: Pick<ServedKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

describe('the kinds of client-node', () => {
  const kinds = readNewestKinds();

  it.each([
    'v1 Pod: pods, by namespace, all calls',
    'v1 Namespace: namespaces, without namespaces, all calls',
    'v1 ComponentStatus: componentstatuses, without namespaces, all calls',
    'v1 Binding: bindings, by namespace, create',
    'events.k8s.io/v1 Event: events, by namespace, all calls',
    'autoscaling/v2 HorizontalPodAutoscaler: horizontalpodautoscalers, by namespace, all calls',
    'resource.k8s.io/v1beta2 DeviceTaintRule: devicetaintrules, without namespaces, all calls',
    'authorization.k8s.io/v1 LocalSubjectAccessReview: localsubjectaccessreviews, by namespace, create',
  ])('%s', (text) => {
    expect(kinds.map(textOf)).toContain(text);
  });

  it('are no kinds of earlier versions of Kubernetes', () => {
    const versions = new Set(readServedKinds().map(apiVersionOf));
    expect([...versions]).not.toContain('flowcontrol.apiserver.k8s.io/v1beta3');
    expect([...versions]).toContain('flowcontrol.apiserver.k8s.io/v1');
  });

  it('are exactly those that kube-client names, each in its newest version', () => {
    expect(BUILT_IN_RESOURCES.map(textOf).sort()).toStrictEqual(kinds.map(textOf).sort());
  });

  it('are found by resourceOf in each stable version', () => {
    const stable = readServedKinds().filter(({ version }) => /^v\d+$/.test(version));
    const found = stable.flatMap(
      (one) => resourceOf({ apiVersion: apiVersionOf(one), kind: one.kind }) ?? [],
    );
    expect(found.map(textOf)).toStrictEqual(stable.map(textOf));
  });

  it('have the types of their models', () => {
    const folder = join(ROOT, 'packages/kube-client/src/model/resources');
    const source = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const typed = source
      .join('\n')
      .matchAll(/^export const (?<name>\w+)(?:: \w+| = \w+)<(?<type>\w+)>/gm);
    const types = [...typed].map(({ groups: { name = '', type = '' } = {} }) => {
      return `${name.toLowerCase().replaceAll('_', '')}: ${type}`;
    });
    const wanted = kinds.map(({ group, plural, model }) => {
      return `${group === 'events.k8s.io' ? 'eventsv1' : plural}: ${publicName(model)}`;
    });
    expect(types.sort()).toStrictEqual(wanted.sort());
  });
});
