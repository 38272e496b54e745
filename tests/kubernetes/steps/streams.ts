import { type Cluster, exec, type Step, same } from "../cluster.ts";

/** kubectl's own lines, until one of them names the port. */
/** What follows is read, too: kubectl tells each connection, and would end by a closed pipe. */
async function forwardedPort(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const port = Promise.withResolvers<string>();
  let text = "";
  const readAll = async (): Promise<void> => {
    for await (const chunk of stdout) {
      text += decoder.decode(chunk, { stream: true });
      const told = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (told !== undefined) port.resolve(told);
    }
  };
  readAll().then(() => port.reject(new Error(`port-forward ended: ${text}`)), port.reject);
  return await port.promise;
}

async function firstWebPod({ kubectl }: Cluster): Promise<string> {
  return await kubectl.run(["get", "pods", "-l=app=web", "-o=jsonpath={.items[0].metadata.name}"]);
}

/** What people do with a running pod. */
export const streams: readonly Step[] = [
  {
    name: "logs: of a container, of its init container, followed until the end",
    async run(cluster) {
      const pod = await firstWebPod(cluster);
      const { kubectl } = cluster;
      same("log", (await kubectl.run(["logs", pod, "-c=httpd"])).startsWith("serving\n"), true);
      same("init", await kubectl.run(["logs", pod, "-c=first"]), "initialised\n");
      same("followed", await kubectl.run(["logs", "-f", "job/adds-up"]), "42\n");
    },
  },
  {
    name: "exec: exit code, standard input of a mebibyte, standard error apart",
    async run(cluster) {
      const pod = await firstWebPod(cluster);
      const { kubectl } = cluster;
      const failed = await kubectl.outcome([
        "exec",
        pod,
        "-c=httpd",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 9",
      ]);
      same("streams", [failed.exitCode, failed.stdout, failed.stderr.startsWith("err\n")], [9, "out\n", true]);
      const counted = await kubectl.run(["exec", "-i", pod, "--", "wc", "-c"], "x".repeat(1 << 20));
      same("input", counted.trim(), String(1 << 20));
    },
  },
  {
    name: "port-forward: a page through the tunnel",
    async run(cluster) {
      const tunnel = cluster.kubectl.background(["port-forward", await firstWebPod(cluster), ":8080"]);
      try {
        const port = await forwardedPort(tunnel.stdout);
        const response = await fetch(`http://127.0.0.1:${port}/index.html`, { signal: AbortSignal.timeout(20_000) });
        same("page", await response.text(), "first page\n");
      } finally {
        tunnel.kill("SIGKILL");
        await tunnel.exited;
      }
    },
  },
  {
    name: "ephemeral container: sees the processes of the container it is for",
    async run(cluster) {
      const image = cluster.registry.reference("busybox");
      const pod = await firstWebPod(cluster);
      const words = ["--target=httpd", "-c=look", `--image=${image}`, "--quiet", "--attach=false"];
      await cluster.kubectl.run(["debug", pod, ...words, "--", "sh", "-c", "pidof httpd; sleep 100000"]);
      const running = ".status.ephemeralContainerStatuses[0].state.running}";
      await cluster.kubectl.run(["wait", `pod/${pod}`, `--for=jsonpath={${running}`, "--timeout=60s"]);
      const seen = await cluster.kubectl.run(["exec", pod, "-c=look", "--", "pidof", "httpd"]);
      same("its process", seen.trim(), "1");
    },
  },
  {
    name: "cp: there and back",
    async run(cluster) {
      const { kubectl, directory } = cluster;
      await Bun.write(`${directory}/sent`, "there and back\n");
      await kubectl.run(["cp", `${directory}/sent`, "resized:/tmp/sent"]);
      same("there", await exec(cluster, "resized", "cat", "/tmp/sent"), "there and back");
      await kubectl.run(["cp", "resized:/tmp/sent", `${directory}/received`]);
      same("back", await Bun.file(`${directory}/received`).text(), "there and back\n");
    },
  },
];
