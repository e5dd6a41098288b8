/** A request without the values of its secrets, for logs: their names stay. */
export function withoutSecrets(request: object): object {
  const { secrets } = request as { readonly secrets?: Readonly<Record<string, string>> };
  if (secrets === undefined) return request;
  return { ...request, secrets: Object.keys(secrets) };
}
