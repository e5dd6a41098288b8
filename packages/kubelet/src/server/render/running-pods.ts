import type { Container } from '@nodeagent/cri-client';

import {
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
} from '../../pod/index.js';

/** A PodList of running pods from the runtime's data only: names, uids, containers and images. */
export function runningPodList(running: readonly Container[]): unknown {
  const byUid = new Map<string, Container[]>();
  for (const container of running) {
    const uid = container.labels[LABEL_POD_UID];
    if (uid !== undefined) byUid.set(uid, [...(byUid.get(uid) ?? []), container]);
  }
  const items = [...byUid].map(([uid, containers]) => ({
    metadata: {
      name: containers[0]?.labels[LABEL_POD_NAME] ?? '',
      namespace: containers[0]?.labels[LABEL_POD_NAMESPACE] ?? '',
      uid,
    },
    spec: {
      containers: containers.map(({ labels, image, imageRef }) => ({
        name: labels[LABEL_CONTAINER_NAME] ?? '',
        image: image?.userSpecifiedImage || image?.image || imageRef,
        resources: {},
      })),
    },
    status: {},
  }));
  return podList(items);
}

export function podList(items: readonly unknown[]): unknown {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}
