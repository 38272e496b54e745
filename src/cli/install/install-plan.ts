import { formerConfigurations } from "./former-configurations.ts";
import { packagedFiles } from "./packaged-files.ts";

/** One file of an installation. */
export interface PlannedFile {
  /** Absolute, before any prefix. */
  readonly path: string;
  readonly mode: number;
  readonly content:
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "copy"; readonly source: string };
  /** `ours` is replaced at every upgrade; `config` belongs to the administrator once it is changed. */
  readonly ownership: "ours" | "config";
  /** SHA-256 of what earlier versions put there: a file that still has it was not edited. */
  readonly formerly: readonly string[];
}

const containerdDropIn = `# Written by \`crib install --replace-containerd\`: the kubelet and agents of this node keep their flags.
listen = ["unix:///run/crib/crib.sock", "unix:///run/containerd/containerd.sock"]
`;

/** What an installation consists of; no file is touched here. `executable` is undefined when run from the sources. */
export function planInstall(options: {
  readonly executable: string | undefined;
  readonly replaceContainerd: boolean;
}): readonly PlannedFile[] {
  const config = (path: string, text: string, formerly: readonly string[] = []): PlannedFile => ({
    path,
    formerly,
    mode: 0o644,
    content: { kind: "text", text },
    ownership: "config",
  });
  return [
    ...(options.executable === undefined
      ? []
      : [
          {
            path: "/usr/local/bin/crib",
            mode: 0o755,
            content: { kind: "copy", source: options.executable },
            ownership: "ours",
            formerly: [],
          } as const,
        ]),
    {
      path: "/etc/systemd/system/crib.service",
      mode: 0o644,
      content: { kind: "text", text: packagedFiles.service },
      ownership: "ours",
      formerly: [],
    },
    config("/etc/crib/config.toml", packagedFiles.config, formerConfigurations),
    ...(options.replaceContainerd ? [config("/etc/crib/conf.d/10-containerd-socket.toml", containerdDropIn)] : []),
    config("/etc/crictl.yaml", packagedFiles.crictl),
  ];
}
