import type { Container } from '@nodeagent/kube-client';

type Handler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

/** @returns undefined if the annotation is absent or not a JSON object */
export function parseHandler(text: string | undefined): Handler | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
