import { packagedFiles } from "./packaged-files.ts";

/**
 * SHA-256 of each configuration file that earlier versions installed, newest first. One that is found unchanged was written
 * by nobody: what it says, 10.88.0.0/16 for one, is no person's wish, and an upgrade replaces it.
 */
const formerConfigurations: readonly string[] = [
  "e45c0e33cc69a13ce35f67631d33eb8b3e70daa1bde27f56d14fea590d03cda7",
  "802efb83dcc04cf2e5b1bf2779fce6c3acee70aae2cc910dd2f21030b6ad22db",
  "925a86c4712b502bf84b3231adb57f4ea897a887497dd9f45e26d5f8ede805ef",
  "5bb0ed7412251a91a4d2191ed71007952a055ce505701dfcc142ebf7e46d787d",
  "b08b17a3cb2dbfce964647d4ac2e1fb573bc0ccdadf00de4d586fc1b2af62555",
];

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

export const containerdSocket = "/run/containerd/containerd.sock";

function containerdDropIn(socket: string): string {
  return `# Written by \`crib install --replace-containerd\`: the kubelet and agents of this node keep their flags.
listen = ["unix:///run/crib/crib.sock", "unix://${socket}"]
`;
}

/**
 * What an installation consists of; no file is touched here. `executable` is undefined when run from the sources. `replacedSocket` is
 * containerd's, where crib is to be found as well.
 */
export function planInstall(options: {
  readonly executable: string | undefined;
  readonly replacedSocket: string | undefined;
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
    ...(options.replacedSocket === undefined
      ? []
      : [config("/etc/crib/conf.d/10-containerd-socket.toml", containerdDropIn(options.replacedSocket))]),
    config("/etc/crictl.yaml", packagedFiles.crictl),
  ];
}
