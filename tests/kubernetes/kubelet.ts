import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../harness/engine.ts";
import { KUBELET_ROOT, NODE_ADDRESS } from "./own-host.ts";
import type { ProcessGroup } from "./process-group.ts";

/** The kubelet's cAdvisor asks there and nowhere else (decision 0120). */
const CADVISOR_SOCKET = "/run/containerd/containerd.sock";

/** A kubelet on an engine: in its default configuration, but for what a machine of tests needs. */
export class Kubelet {
  readonly node: string;
  readonly #processes: ProcessGroup;
  readonly #command: readonly string[];

  constructor(programs: string, directory: string, kubeconfig: string, engine: Engine, processes: ProcessGroup) {
    this.node = `node-of-${engine.kind}`;
    this.#processes = processes;
    const config = join(directory, `${this.node}.json`);
    writeFileSync(config, JSON.stringify(configuration(directory, engine)));
    mkdirSync("/run/containerd", { recursive: true });
    rmSync(CADVISOR_SOCKET, { force: true });
    symlinkSync(engine.socket, CADVISOR_SOCKET);
    this.#command = [
      join(programs, "kubelet"),
      `--config=${config}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${KUBELET_ROOT}`,
      `--hostname-override=${this.node}`,
      `--node-ip=${NODE_ADDRESS}`,
    ];
  }

  async start(): Promise<void> {
    this.#processes.start("kubelet", this.#command);
    await this.#processes.ready("kubelet", async () => (await fetch("http://127.0.0.1:10248/healthz")).ok);
  }

  /** Pods keep running. */
  async stop(): Promise<void> {
    await this.#processes.stop("kubelet");
  }
}

function configuration(directory: string, engine: Engine): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${engine.socket}`,
    cgroupDriver: "cgroupfs",
    // The machine may have version 1 alone.
    failCgroupV1: false,
    failSwapOn: false,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    volumePluginDir: join(directory, "volume-plugins"),
    // A full disk of the machine is not what is tested.
    evictionHard: { "memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    registryPullQPS: 0,
    serializeImagePulls: false,
  };
}
