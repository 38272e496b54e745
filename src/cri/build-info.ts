/** Who this executable is; fixed when it was built. */
export interface BuildInfo {
  /** Semantic version. */
  readonly version: string;
  /** Git revision, "unknown" outside a build. */
  readonly revision: string;
}
