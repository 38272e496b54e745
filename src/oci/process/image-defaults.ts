/** What an image's config contributes to a spec (OCI image-spec, config.md); a subset of the image domain's ImageConfig. */
export interface ImageDefaults {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
}

/** The image's /etc/passwd and /etc/group, parsed. */
export interface Accounts {
  readonly users: readonly {
    readonly name: string;
    readonly uid: number;
    readonly gid: number;
    readonly home: string;
  }[];
  readonly groups: readonly { readonly name: string; readonly gid: number; readonly members: readonly string[] }[];
}
