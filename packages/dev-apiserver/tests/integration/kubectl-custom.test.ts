import { findKubectls } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { aWidget, WIDGET_DEFINITION } from '../unit/custom/widgets.js';
import { useKubectlCluster } from './kubectl-cluster.js';

const programs = (await findKubectls()).map(({ path }) => path);

const OWNED = (uid: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'owned',
    ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid }],
  },
});

/**
 * Arguments, and the required output on either stream; in order, on one cluster. Second forms are
 * those of kubectl 1.20, which cannot do it.
 */
const STEPS: readonly (readonly [args: string, want: RegExp])[] = [
  ['apply -f DIR/definition.yaml', /widgets.example.com created/],
  ['wait --for=condition=Established crd/widgets.example.com', /condition met/],
  ['api-resources --api-group=example.com', /widgets +wg +example.com\/v1 +true +Widget/],
  ['apply -f DIR/widget.yaml', /widget.example.com\/w created/],
  ['apply -f DIR/widget.yaml', /widget.example.com\/w unchanged/],
  ['get wg', /NAME +SIZE +AGE\nw +1 /],
  ['get widgets -o wide', /NAME +SIZE +PHASE +AGE/],
  ['get all', /widget.example.com\/w +1/],
  ['describe widget w', /Kind: +Widget\n[^]*Size: +1\n/],
  ['diff -f DIR/larger.yaml', /^-.*size: 1$[^]*^\+.*size: 2$|Kind=Widget doesn't support dry-run/m],
  ['apply -f DIR/larger.yaml', /widget.example.com\/w configured/],
  [
    'apply -f DIR/wrong.yaml',
    /is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1/,
  ],
  ['apply --server-side -f DIR/widget.yaml', /conflict with "kubectl-client-side-apply"/],
  ['apply --server-side --force-conflicts -f DIR/widget.yaml', /w serverside-applied/],
  ['edit widget w', /widget.example.com\/w edited/],
  ['get widget w -o jsonpath={.spec.size}', /^7$/],
  ['patch widget w --type=merge -p {"spec":{"color":"blue"}}', /widget.example.com\/w patched/],
  ['scale widget w --replicas=3', /widget.example.com\/w scaled/],
  ['get widget w -o jsonpath={.spec.color}-{.spec.replicas}', /^blue-3$/],
  [
    'wait widget/w --for=jsonpath={.spec.replicas}=3',
    /condition met|unrecognized condition: "jsonpath/,
  ],
  ['delete widget w --cascade=orphan', /"w" deleted/],
  ['get configmap owned -o jsonpath={.metadata.ownerReferences}', /^$/],
  ['apply -f DIR/widget.yaml', /widget.example.com\/w created/],
  ['delete widget w --cascade=foreground', /"w" deleted/],
  ['get widgets', /No resources found/],
  ['delete crd widgets.example.com', /"widgets.example.com" deleted/],
  ['get widgets', /doesn't have a resource type "widgets"|could not find the requested resource/],
];

describe.each(programs)('%s', (program) => {
  const kubectl = useKubectlCluster({
    program,
    files: {
      definition: WIDGET_DEFINITION,
      widget: aWidget('w', { size: 1 }),
      larger: aWidget('w', { size: 2 }),
      wrong: aWidget('w', { size: 0 }),
    },
    editor: 'sed -i s/size:.1/size:\\ 7/',
  });

  it.each(STEPS)('kubectl %s', async (args, want) => {
    if (args.includes('--cascade=orphan')) {
      const uid = await kubectl.run(['get', 'widget', 'w', '-o', 'jsonpath={.metadata.uid}']);
      await kubectl.write('owned', OWNED(uid));
      expect(await kubectl.run(['apply', '-f', 'DIR/owned.yaml'])).toContain('created');
    }
    expect(await kubectl.run(args.split(' '))).toMatch(want);
  });

  it('kubectl explain names the fields of a custom resource, from kubectl 1.27 on', async () => {
    const version = await kubectl.run(['version', '--client', '-o', 'json']);
    const minor = Number(/"minor": "(\d+)/.exec(version)?.[1]);
    await kubectl.run(['apply', '-f', 'DIR/definition.yaml']);
    const said = await kubectl.run(['explain', 'widget.spec']);
    if (minor >= 27) expect(said).toMatch(/size\s+<integer> -required-/);
    else expect(said).toMatch(/couldn't find resource/i);
  });
});

it('has a kubectl to try', () => {
  expect(programs).not.toEqual([]);
});
