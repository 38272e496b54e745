import type { Duplex, ProcessStreams } from "../runtime/streams.ts";

/** What the streaming server is wired to: processes of containers, and ports of pods. Part of {@link Pods}. */
export interface PodStreams {
  /** Starts a command. @throws not-found, failed-precondition when the container is not running, the failed launch step. */
  exec(request: ExecStreamsRequest): Promise<ProcessStreams>;
  /** Joins a running container's own input and output. @throws not-found, failed-precondition */
  attach(request: AttachStreamsRequest): Promise<ProcessStreams>;
  /**
   * Connects to a port inside the pod: 127.0.0.1 first, then ::1.
   *
   * @throws not-found, failed-precondition when the pod is not ready, unavailable when nobody listens
   */
  connectPort(sandboxId: string, port: number): Promise<Duplex>;
}

export interface ExecStreamsRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface AttachStreamsRequest {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}
