import type { SmokeDriver } from "./driver.ts";

/** crictl as an operator types it. */
export function crictlDriver(binary: string, socket: string, directory: string): SmokeDriver {
  // An empty configuration keeps crictl from reading the machine's own.
  const global = [binary, "--config", `${directory}/crictl.yaml`, "--runtime-endpoint", `unix://${socket}`];
  const crictl = async (...args: readonly string[]): Promise<string> => {
    const child = Bun.spawn([...global, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 60_000 });
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (exitCode !== 0) throw new Error(`crictl ${args.join(" ")}: exit ${exitCode}: ${(stderr + stdout).trim()}`);
    return stdout.trim();
  };
  return {
    name: "crictl",
    version: () => crictl("version"),
    info: () => crictl("info"),
    pull: (reference) => crictl("pull", reference),
    images: () => crictl("images", "--no-trunc"),
    inspecti: (reference) => crictl("inspecti", reference),
    runp: (podFile) => crictl("runp", podFile),
    create: (podId, containerFile, podFile) => crictl("create", podId, containerFile, podFile),
    start: (containerId) => crictl("start", containerId),
    ps: () => crictl("ps", "--no-trunc"),
    pods: () => crictl("pods", "--no-trunc"),
    execSync: (containerId, command) => crictl("exec", "-s", containerId, ...command),
    logs: (containerId) => crictl("logs", containerId),
    inspect: (containerId) => crictl("inspect", containerId),
    inspectp: (podId) => crictl("inspectp", podId),
    stats: (containerId) => crictl("stats", "-o", "json", "--id", containerId),
    statsp: (podId) => crictl("statsp", "-o", "json", "--id", podId),
    events() {
      const child = Bun.spawn([...global, "events", "-o", "json"], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      let seen = "";
      const reading = (async () => {
        for await (const chunk of child.stdout) seen += new TextDecoder().decode(chunk);
      })();
      return {
        text: () => seen,
        async stop() {
          child.kill("SIGTERM");
          await reading;
          await child.exited;
        },
      };
    },
    stop: (containerId) => crictl("stop", "--timeout", "0", containerId),
    rm: (containerId) => crictl("rm", containerId),
    stopp: (podId) => crictl("stopp", podId),
    rmp: (podId) => crictl("rmp", podId),
    rmi: (reference) => crictl("rmi", reference),
  };
}
