/** Where a manifest was read: a file's full path, or a URL. */
export type ManifestOrigin =
  Readonly<{ kind: 'file'; path: string }> | Readonly<{ kind: 'url'; url: string }>;
