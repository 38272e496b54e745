import { apply, exec, fieldBecomes, ready, type Step, same } from "../cluster.ts";

const shownLimits = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";

/** What single pods ask of the node. */
export const pods: readonly Step[] = [
  {
    name: "pods: resized, with users of its own, with an image volume, on the host's network: Ready",
    async run(cluster) {
      await apply(cluster, "single");
      await ready(cluster, "pod/resized", "pod/own-users", "pod/image-volume", "pod/host-network");
    },
  },
  {
    name: "resize: limits change in place, nothing restarts",
    async run(cluster) {
      const container = {
        name: "main",
        resources: { requests: { cpu: "40m" }, limits: { cpu: "200m", memory: "48Mi" } },
      };
      const patch = JSON.stringify({ spec: { containers: [container] } });
      await cluster.kubectl.run(["patch", "pod", "resized", "--subresource=resize", `--patch=${patch}`]);
      const status = ".status.containerStatuses[0]";
      await fieldBecomes(cluster, "pod/resized", `${status}.resources.limits.memory`, (value) => value === "48Mi");
      await fieldBecomes(cluster, "pod/resized", `${status}.resources.limits.cpu`, (value) => value === "200m");
      same("in force", await exec(cluster, "resized", "sh", "-c", shownLimits), String(48 * 1024 * 1024));
      same("restarts", await cluster.kubectl.field("pod/resized", `${status}.restartCount`), "0");
    },
  },
  {
    name: "user namespace: root inside is nobody outside, and owns its volume",
    async run(cluster) {
      const [inside = "", outside = ""] = (await exec(cluster, "own-users", "cat", "/proc/self/uid_map")).split(/\s+/);
      same("mapped", [inside, Number(outside) >= 65536], ["0", true]);
      same("owner", await exec(cluster, "own-users", "stat", "-c", "%u:%g", "/scratch/file"), "0:0");
    },
  },
  {
    name: "image volume: the image's files, read-only",
    async run(cluster) {
      same("file", await exec(cluster, "image-volume", "cat", "/model/w/kept"), "kept");
      const { exitCode } = await cluster.kubectl.outcome(["exec", "image-volume", "--", "touch", "/model/new"]);
      same("write refused", exitCode !== 0, true);
    },
  },
  {
    name: "liveness probe and OOM killer: the container is started again, the reason is told",
    async run(cluster) {
      const status = (name: string): string => `.status.containerStatuses[?(@.name=="${name}")]`;
      await fieldBecomes(
        cluster,
        "pod/restarted",
        `${status("killed")}.lastState.terminated.reason`,
        (reason) => reason === "OOMKilled",
      );
      await ready(cluster, "pod/restarted");
      await exec(cluster, "restarted", "rm", "/tmp/well");
      await fieldBecomes(cluster, "pod/restarted", `${status("main")}.restartCount`, (count) => count === "1");
    },
  },
  {
    name: "sidecar: is there before the pod's container, and ends after it",
    async run(cluster) {
      await fieldBecomes(cluster, "pod/sidecar", ".status.phase", (phase) => phase === "Succeeded");
      same("log", (await cluster.kubectl.run(["logs", "sidecar", "-c=main"])).trim(), "ready");
    },
  },
  {
    name: "host network and PID: the node's",
    async run(cluster) {
      const links = await exec(cluster, "host-network", "ls", "/sys/class/net");
      same("sees the node's link", links.split(/\s+/).includes("node0"), true);
      same("sees the kubelet", (await exec(cluster, "host-network", "pidof", "kubelet")) !== "", true);
    },
  },
];
