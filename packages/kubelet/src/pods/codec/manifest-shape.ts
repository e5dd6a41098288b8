import type { Pod } from '@nodeagent/kube-client';
import * as z from 'zod/mini';

const text = z.string();
const texts = z.record(z.string(), z.string());
const words = z.array(z.string());

/** A quantity may be written as a bare number; from here on it is text. */
const quantity = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((value) => String(value)),
);
const quantities = z.optional(z.record(z.string(), quantity));
const resources = z.optional(z.looseObject({ requests: quantities, limits: quantities }));

const objects = z.optional(z.array(z.looseObject({})));
const object = z.optional(z.looseObject({}));

const variable = z.looseObject({ name: text, value: z.optional(text), valueFrom: object });
const mount = z.looseObject({ name: z.optional(text), mountPath: z.optional(text) });
const probe = z.optional(
  z.looseObject({ httpGet: object, tcpSocket: object, grpc: object, exec: object }),
);

const container = z.looseObject({
  name: z.optional(text),
  image: z.optional(text),
  command: z.optional(words),
  args: z.optional(words),
  env: z.optional(z.array(variable)),
  envFrom: objects,
  ports: objects,
  volumeMounts: z.optional(z.array(mount)),
  resources,
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: z.optional(z.looseObject({ postStart: object, preStop: object })),
  securityContext: object,
});

const projection = z.looseObject({
  configMap: object,
  secret: object,
  serviceAccountToken: object,
  downwardAPI: z.optional(z.looseObject({ items: objects })),
});

const volume = z.looseObject({
  name: z.optional(text),
  hostPath: object,
  emptyDir: object,
  configMap: object,
  secret: object,
  downwardAPI: z.optional(z.looseObject({ items: objects })),
  projected: z.optional(z.looseObject({ sources: z.optional(z.array(projection)) })),
});

const pod = z.looseObject({
  metadata: z.looseObject({
    name: z.optional(text),
    namespace: z.optional(text),
    uid: z.optional(text),
    labels: z.optional(texts),
    annotations: z.optional(texts),
  }),
  spec: z.looseObject({
    containers: z.optional(z.array(container)),
    initContainers: z.optional(z.array(container)),
    ephemeralContainers: objects,
    volumes: z.optional(z.array(volume)),
    tolerations: objects,
    imagePullSecrets: objects,
    hostAliases: objects,
    nodeSelector: z.optional(texts),
    terminationGracePeriodSeconds: z.optional(z.int()),
    activeDeadlineSeconds: z.optional(z.int()),
    hostNetwork: z.optional(z.boolean()),
    securityContext: object,
    resources,
    overhead: quantities,
    serviceAccountName: z.optional(text),
  }),
});

const list = z.looseObject({ items: z.array(z.unknown()) });

export type ShapeResult<T> =
  Readonly<{ ok: true; value: T }> | Readonly<{ ok: false; problem: string }>;

/**
 * Whether the parts of a manifest that the kubelet walks through have the types that they must have.
 * Fields that it does not know are kept; `null` counts as absent.
 */
export function shapedPod(manifest: object): ShapeResult<Pod> {
  return shaped(pod, manifest) as ShapeResult<Pod>;
}

/** The items of a PodList, not looked at. */
export function shapedList(manifest: object): ShapeResult<readonly unknown[]> {
  const found = shaped(list, manifest);
  return found.ok ? { ok: true, value: found.value.items } : found;
}

function shaped<S extends z.ZodMiniType>(schema: S, manifest: object): ShapeResult<z.output<S>> {
  const { success, data, error } = schema.safeParse(withoutNulls(manifest));
  if (success) return { ok: true, value: data };
  const problems = error.issues.map((issue) => {
    const what = issue.code === 'invalid_type' ? `expected ${issue.expected}` : issue.message;
    return `${issue.path.map(String).join('.')}: ${what}`;
  });
  return { ok: false, problem: problems.join('; ') };
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}
