import type { AttachStreamsRequest, ExecStreamsRequest } from "../pods/streams.ts";

/** What a URL was given out for: checked when it was asked for, and a client that connects cannot change it. */
export type StreamRequest = ExecRequest | ContainerAttachRequest | PortForwardRequest;

export interface ExecRequest extends ExecStreamsRequest {
  readonly kind: "exec";
}

export interface ContainerAttachRequest extends AttachStreamsRequest {
  readonly kind: "attach";
  /** The container has a terminal: the client may resize it. */
  readonly terminal: boolean;
  /** The container's input stays open for the next client (`stdin_once` is false): a client whose own has ended is done. */
  readonly endsWithInput: boolean;
}

export interface PortForwardRequest {
  readonly kind: "portforward";
  readonly sandboxId: string;
  /** For clients of the WebSocket channel protocols; others name a port with each connection. */
  readonly ports: readonly number[];
}
