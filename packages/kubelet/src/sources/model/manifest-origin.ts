/** The place of a manifest: a file's full path, or a URL. */
export type ManifestOrigin =
  Readonly<{ kind: 'file'; path: string }> | Readonly<{ kind: 'url'; url: string }>;
