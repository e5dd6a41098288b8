import { type CoreEvent, EVENTS, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import {
  aScript,
  createPod,
  deletePod,
  eventsOf,
  isGone,
  isRunning,
  SERVES,
  waitForEvent,
} from './pods.ts';

const e2e = useCluster({}, { cuttable: true });
const never = new AbortController().signal;

/** Returns the events in order of arrival: their names end with the time, in hexadecimal. */
async function storyOf(name: string): Promise<readonly CoreEvent[]> {
  const timeOf = ({ metadata }: CoreEvent): string => metadata.name?.split('.').at(-1) ?? '';
  return [...(await eventsOf(e2e, name))].sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
}

const told = ({ type, reason, message, involvedObject }: CoreEvent): readonly unknown[] => [
  type,
  reason,
  message,
  involvedObject.fieldPath,
];

describe('the events of a pod', () => {
  it('report a successful start and end, and nothing else', async () => {
    const init = aScript('first', 'exit 0');
    const app = aScript('app', SERVES);
    await createPod(e2e, 'told', {
      dnsPolicy: 'Default', // this cluster has no DNS, which would cause an event
      initContainers: [init],
      containers: [app],
    });
    await e2e.waitForPod('told', 'to run', isRunning('app'));
    await deletePod(e2e, 'told');
    await waitFor(() => isGone(e2e, 'told'), { what: 'the pod to be gone' });
    await waitForEvent(e2e, 'told', { reason: 'Killing' });
    const here =
      'Container image "nodeagent.test/busybox:1" already present on machine and can be accessed by the pod';
    const started = (path: string) => [
      ['Normal', 'Pulled', here, path],
      ['Normal', 'Created', 'Container created', path],
      ['Normal', 'Started', 'Container started', path],
    ];
    const story = (await storyOf('told')).filter(({ reason }) => reason !== 'Scheduled');
    expect(story.map(told)).toEqual([
      ...started('spec.initContainers{first}'),
      ...started('spec.containers{app}'),
      ['Normal', 'Killing', 'Stopping container app', 'spec.containers{app}'],
    ]);
    const { nodeName } = e2e.cluster;
    for (const event of story) {
      expect(event).toMatchObject({
        count: 1,
        source: { component: 'kubelet', host: nodeName },
        reportingComponent: 'kubelet',
        reportingInstance: nodeName,
      });
      expect(event.firstTimestamp).toBe(event.lastTimestamp);
    }
  });

  it('warn of a probe that is redirected elsewhere, and passes', async () => {
    const answer =
      'HTTP/1.1 302 Found\\r\\nLocation: http://192.0.2.1/\\r\\nContent-Length: 0\\r\\n\\r\\n';
    const serves = `while :; do printf '${answer}' | nc -l -p 8080; done`;
    const readinessProbe = {
      httpGet: { path: '/', port: 8080 },
      periodSeconds: 1,
      timeoutSeconds: 30,
    };
    await createPod(e2e, 'elsewhere', { containers: [aScript('app', serves, { readinessProbe })] });
    const warning = await waitForEvent(e2e, 'elsewhere', { reason: 'ProbeWarning' });
    expect(told(warning)).toEqual([
      'Warning',
      'ProbeWarning',
      'Readiness probe warning: Probe terminated redirects, Response body: ',
      'spec.containers{app}',
    ]);
    await e2e.waitForPod('elsewhere', 'to be ready', ({ status }) => {
      return status?.containerStatuses?.[0]?.ready === true;
    });
  });

  it('name missing pull secrets before the pull fails', async () => {
    await createPod(e2e, 'secretive', {
      imagePullSecrets: [{ name: 'nowhere' }],
      containers: [
        aScript('app', SERVES, { image: '127.0.0.1:1/none:1', imagePullPolicy: 'Always' }),
      ],
    });
    await waitForEvent(e2e, 'secretive', { reason: 'Failed', message: 'Error: ErrImagePull' });
    const story = (await storyOf('secretive')).filter(({ reason }) => reason !== 'Scheduled');
    const [pulling, missing, failed, error] = [
      'Pulling',
      'FailedToRetrieveImagePullSecret',
      'Failed',
    ].flatMap((wanted) => story.filter(({ reason }) => reason === wanted));
    expect(pulling?.message).toBe('Pulling image "127.0.0.1:1/none:1"');
    expect(missing).toMatchObject({
      type: 'Warning',
      message:
        'Unable to retrieve some image pull secrets (nowhere); attempting to pull the image may not succeed.',
    });
    expect(failed?.message).toMatch(/^Failed to pull image "127\.0\.0\.1:1\/none:1": /);
    expect(error?.message).toBe('Error: ErrImagePull');
  });

  it('report, as do those of the node, that the cluster has no resolver', async () => {
    await createPod(e2e, 'resolves', { containers: [aScript('app', SERVES)] });
    const text =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using ' +
      '"ClusterFirst" policy. Falling back to "Default" policy.';
    const { metadata } = await e2e.waitForPod('resolves', 'to run', isRunning('app'));
    const who = `resolves_${e2e.namespace}(${metadata?.uid})`;
    const warning = await waitForEvent(e2e, 'resolves', { reason: 'MissingClusterDNS' });
    expect(warning).toMatchObject({ type: 'Warning', message: `pod: "${who}". ${text}` });
    const { nodeName } = e2e.cluster;
    const ofNode = async () =>
      (await e2e.client.list(EVENTS, {}, never)).items.some(
        ({ involvedObject: { kind, name }, reason, message }) =>
          [kind, name, reason, message].join() ===
          ['Node', nodeName, 'MissingClusterDNS', text].join(),
      );
    await waitFor(ofNode, { what: 'the event about the node' });
  });

  it('report that the runtime does not answer about the pod: FailedSync', async () => {
    await createPod(e2e, 'unseen', { containers: [aScript('app', SERVES)] });
    await e2e.waitForPod('unseen', 'to run', isRunning('app'));
    await e2e.cluster.runtimeRelay?.cut();
    const body = { metadata: { labels: { look: 'again' } } };
    const name = { namespace: e2e.namespace, name: 'unseen' };
    await e2e.client.patch(PODS, name, { type: 'merge', body }, never);
    const warning = await waitForEvent(e2e, 'unseen', { reason: 'FailedSync' });
    expect(warning).toMatchObject({ type: 'Warning' });
    expect(warning.message).toMatch(/^error determining status: RuntimeService\//);
    await e2e.cluster.runtimeRelay?.mend();
    await deletePod(e2e, 'unseen');
    await waitFor(() => isGone(e2e, 'unseen'), { what: 'the pod to be gone' });
  });
});
