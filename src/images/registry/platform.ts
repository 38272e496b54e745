/** OCI platform; an empty variant means none given. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/**
 * The platforms a host runs, best first: its own variant, then lower ones, then the 32-bit ones its processor also runs.
 * @param host `variant` "v3" on amd64 allows v3, v2 and v1; "" stands for v1 there and for v8 on arm64.
 */
export function runnablePlatforms(host: Platform): readonly Platform[] {
  const of = (architecture: string, ...variants: string[]): Platform[] =>
    variants.map((variant) => ({ os: host.os, architecture, variant }));
  switch (host.architecture) {
    case "amd64": {
      const levels = ["v4", "v3", "v2", "v1"];
      return [...of("amd64", ...levels.slice(Math.max(0, levels.indexOf(host.variant || "v1")))), ...of("386", "")];
    }
    case "arm64":
      return [...of("arm64", "v8"), ...of("arm", "v8", "v7", "v6", "v5")];
    default:
      return [host];
  }
}

/** Index of the first platform of `runnable` that `candidate` is; -1 when the host cannot run it. */
export function platformRank(candidate: Platform, runnable: readonly Platform[]): number {
  const normal = normalise(candidate);
  return runnable.findIndex((platform) => {
    const mine = normalise(platform);
    return mine.os === normal.os && mine.architecture === normal.architecture && mine.variant === normal.variant;
  });
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== "").join("/");
}

const architectureAliases: Readonly<Record<string, string | undefined>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
  i686: "386",
};

/** The spellings in the field, brought to those of the OCI table; absent variants to the ones they stand for. */
function normalise(platform: Platform): Platform {
  const architecture = architectureAliases[platform.architecture.toLowerCase()] ?? platform.architecture.toLowerCase();
  const variant = platform.variant.toLowerCase();
  const implied = { amd64: "v1", arm64: "v8", arm: "v7" }[architecture] ?? "";
  const stated = architecture === "arm64" && variant === "8" ? "v8" : variant;
  return { os: platform.os.toLowerCase() || "linux", architecture, variant: stated || implied };
}
