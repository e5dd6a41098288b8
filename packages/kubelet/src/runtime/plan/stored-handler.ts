import type { Container } from '@nodeagent/kube-client';

type Handler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

/** @returns undefined for an annotation that is absent or not ours to understand */
export function parseHandler(text: string | undefined): Handler | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Handler) : undefined;
  } catch {
    return undefined;
  }
}
