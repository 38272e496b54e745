import type { SandboxRecord } from "../../state/records.ts";

/** A spec of what is no container: readers of containerd's API take one for granted, cAdvisor its process' environment too. */
export function sandboxSpec({ id, config, cgroup, hostname }: SandboxRecord): object {
  return {
    ociVersion: "1.2.0",
    process: { terminal: false, user: { uid: 0, gid: 0 }, args: ["crib-monitor"], env: [], cwd: "/" },
    root: { path: "/", readonly: true },
    hostname,
    annotations: {
      "io.kubernetes.cri.container-type": "sandbox",
      "io.kubernetes.cri.sandbox-id": id,
      "io.kubernetes.cri.sandbox-name": config.metadata.name,
      "io.kubernetes.cri.sandbox-namespace": config.metadata.namespace,
      "io.kubernetes.cri.sandbox-uid": config.metadata.uid,
    },
    linux: { cgroupsPath: cgroup },
  };
}
