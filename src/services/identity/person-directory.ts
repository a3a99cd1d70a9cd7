/** What a directory says of one person. */
export type DirectoryEntry =
  /** `groups` undefined: it is not asked for them. */
  | { readonly outcome: 'present'; readonly groups: readonly string[] | undefined }
  /** The account is suspended, archived or deleted. */
  | { readonly outcome: 'gone' };

/** Knows, beside the identity provider, whether somebody is still there and which groups they are in. */
export interface PersonDirectory {
  /**
   * @param subject as the identity provider calls the person; an address never is a key, for addresses pass on
   * @throws ProviderFailure of a kind that begins with `directory_`: there is no answer, or none to go by
   */
  find(subject: string, deadline: AbortSignal): Promise<DirectoryEntry>;
  /** Ends what goes on in the background. */
  close(): void;
}
