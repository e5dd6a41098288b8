import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findKubectls } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';

/** Debian's kubectl, the machine's own and the newest available. */
const programs = (await findKubectls()).map(({ path }) => path);

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: solo, labels: {app: web}}
spec: {containers: [{name: c, image: "web:1"}]}
`;

/** Arguments, and the required output on either stream; in order, on one server. */
const STEPS: readonly (readonly [args: string, want: RegExp])[] = [
  ['apply -f FILE', /deployment.apps\/web created\nservice\/web created\npod\/solo created/],
  ['apply -f FILE', /service\/web unchanged\npod\/solo unchanged/],
  ['get deploy web', /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/3/],
  ['get svc web -o wide', /NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d{4}\/TCP +\S+ +app=web/],
  ['get pods -o wide', /NOMINATED NODE +READINESS GATES\nsolo +0\/1 +Pending +0/],
  ['get pod solo -o yaml', /\n {2}phase: Pending\n/],
  ['describe pod solo', /kube-api-access-\S+ \(ro\)/],
  ['describe svc web', /NodePort: +<unset> +3\d{4}\/TCP/],
  ['get ns', /kube-system +Active/],
  ['scale deploy web --replicas 5', /deployment.apps\/web scaled/],
  ['get deploy web -o jsonpath={.spec.replicas}', /^5$/],
  ['label pod solo x=y', /pod\/solo labeled/],
  ['annotate pod solo a=b', /pod\/solo annotated/],
  ['edit pod solo', /pod\/solo edited/],
  ['get pod solo -o jsonpath={.spec.containers[0].image}', /^web:9$/],
  ['apply --server-side --force-conflicts -f FILE', /pod\/solo serverside-applied/],
  ['patch svc web -p {"spec":{"ports":[{"port":80,"name":"http"}]}}', /service\/web patched/],
  ['set image deploy/web web=web:3', /deployment.apps\/web image updated/],
  ['create configmap cm --from-literal=a=b', /configmap\/cm created/],
  ['create namespace other', /namespace\/other created/],
  ['get pods -l app=web --show-labels', /app=web,x=y/],
  ['get pods --field-selector spec.nodeName=n1', /No resources found/],
  ['auth can-i get pods', /^yes/],
  ['get pods/none', /Error from server \(NotFound\): pods "none" not found/],
  ['wait pod/solo --for=condition=Ready --timeout=1s', /timed out waiting/],
  ['delete pod solo', /pod "solo" deleted/],
  ['delete deploy,svc web', /deployment.apps "web" deleted.*\nservice "web" deleted/],
];

describe.each(programs)('%s', (program) => {
  let server: DevApiServer;
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'dev-apiserver-'));
    server = await startDevApiServer();
    const identity = { user: 'admin', groups: ['system:masters'] };
    await writeFile(join(dir, 'config'), await server.kubeconfig(identity), { mode: 0o600 });
    await writeFile(join(dir, 'manifest.yaml'), MANIFEST);
  });
  afterAll(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it.each(STEPS)('kubectl %s', async (args, want) => {
    const argv = args.replace('FILE', join(dir, 'manifest.yaml')).split(' ');
    const env = {
      PATH: process.env['PATH'],
      HOME: dir,
      KUBECONFIG: join(dir, 'config'),
      EDITOR: 'sed -i s/web:1/web:9/',
    };
    expect(await printed(program, argv, env)).toMatch(want);
  });
});

it('has a kubectl to try', () => {
  expect(programs).not.toEqual([]);
});

function printed(program: string, argv: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, argv, { env, timeout: 30_000 }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`);
    });
  });
}
