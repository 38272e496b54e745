import { join } from "node:path";
import { ContainerState, type ContainerStatus } from "../../src/gen/runtime/v1/api_pb.ts";
import type { CriClient } from "./cri-client.ts";
import { type LogLine, logText, readCriLog } from "./cri-log.ts";
import type { Engine } from "./engine.ts";
import type { PodConfigInit } from "./pod-config.ts";
import { waitUntil } from "./wait-until.ts";

/** Output of an exec, decoded. */
export interface ExecOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A pod a test made; its client is always the engine's present one, so it survives a restart of the daemon. */
export class TestPod {
  constructor(
    readonly engine: Engine,
    readonly id: string,
    readonly config: PodConfigInit,
  ) {}

  get cri(): CriClient {
    return this.engine.cri;
  }

  async status() {
    const { status } = await this.cri.runtime.podSandboxStatus({ podSandboxId: this.id });
    if (status === undefined) throw new Error(`no status of pod ${this.id}`);
    return status;
  }

  async ip(): Promise<string> {
    return (await this.status()).network?.ip ?? "";
  }

  async stop(): Promise<void> {
    await this.cri.runtime.stopPodSandbox({ podSandboxId: this.id });
  }

  async remove(): Promise<void> {
    await this.cri.runtime.removePodSandbox({ podSandboxId: this.id });
  }
}

export class TestContainer {
  constructor(
    readonly pod: TestPod,
    readonly id: string,
    readonly logPath: string,
  ) {}

  get cri(): CriClient {
    return this.pod.cri;
  }

  async start(): Promise<void> {
    await this.cri.runtime.startContainer({ containerId: this.id });
  }

  async stop(timeoutSeconds = 0): Promise<void> {
    await this.cri.runtime.stopContainer({ containerId: this.id, timeout: BigInt(timeoutSeconds) });
  }

  async remove(): Promise<void> {
    await this.cri.runtime.removeContainer({ containerId: this.id });
  }

  async status(): Promise<ContainerStatus> {
    const { status } = await this.cri.runtime.containerStatus({ containerId: this.id });
    if (status === undefined) throw new Error(`no status of container ${this.id}`);
    return status;
  }

  /** The host's number of the container's first process, from the verbose status. */
  async pid(): Promise<number> {
    const { info } = await this.cri.runtime.containerStatus({ containerId: this.id, verbose: true });
    const parsed: unknown = JSON.parse(info.info ?? "{}");
    if (typeof parsed !== "object" || parsed === null || !("pid" in parsed) || typeof parsed.pid !== "number") {
      throw new Error(`verbose status of ${this.id} tells no pid: ${JSON.stringify(info).slice(0, 200)}`);
    }
    return parsed.pid;
  }

  async waitExit(boundMs = 20_000): Promise<ContainerStatus> {
    return waitUntil(
      async () => {
        const status = await this.status();
        return status.state === ContainerState.CONTAINER_EXITED && status;
      },
      { what: `container ${this.id} exits`, boundMs },
    );
  }

  /** Parsed log lines. */
  log(): readonly LogLine[] {
    return readCriLog(this.logPath);
  }

  /** What the container wrote; complete once it has exited and `waitLog` or `output` has seen the end. */
  text(stream: "stdout" | "stderr" = "stdout"): string {
    return logText(this.log(), stream);
  }

  async waitLog(part: string | RegExp, boundMs = 10_000): Promise<string> {
    return waitUntil(
      () => {
        const text = this.text() + this.text("stderr");
        return (typeof part === "string" ? text.includes(part) : part.test(text)) && text;
      },
      { what: `${part} in the log of ${this.id}`, boundMs },
    );
  }

  async exec(cmd: readonly string[], timeoutSeconds = 20): Promise<ExecOutput> {
    const result = await this.cri.runtime.execSync({
      containerId: this.id,
      cmd: [...cmd],
      timeout: BigInt(timeoutSeconds),
    });
    const decoder = new TextDecoder();
    return { stdout: decoder.decode(result.stdout), stderr: decoder.decode(result.stderr), exitCode: result.exitCode };
  }

  /** Runs a shell script inside and returns its trimmed output. @throws when it exits with anything but 0. */
  async sh(script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.exec(["sh", "-c", script]);
    if (exitCode !== 0) throw new Error(`exit ${exitCode} of ${JSON.stringify(script)}: ${stdout}${stderr}`);
    return stdout.trim();
  }
}

export function logPathOf(pod: TestPod, logPath: string): string {
  return join(pod.config.logDirectory ?? "", logPath);
}
