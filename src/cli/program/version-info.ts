declare const CRIB_VERSION: string;
declare const CRIB_REVISION: string;

/**
 * What this executable is and which specifications it implements.
 *
 * Version and revision are written in by the build; running from the sources there is neither, hence the `typeof`.
 */
export const versionInfo = {
  version: typeof CRIB_VERSION === "string" ? CRIB_VERSION : "0.0.0-source",
  revision: typeof CRIB_REVISION === "string" ? CRIB_REVISION : "unknown",
  bun: Bun.version,
  specs: {
    cri: "v1",
    ociRuntime: "1.2.0",
    ociImage: "1.1.0",
    ociDistribution: "1.1.0",
    cni: "1.1.0",
  },
} as const;
