/** How a subprotocol of the channel family (`*.channel.k8s.io`) writes its messages. */
export interface ChannelProtocol {
  /** Text messages: the channel as a digit, then base64. Else binary: the channel as a byte, then the bytes. */
  readonly base64: boolean;
  /** 255 and a channel's number end that channel (KEP-4006). */
  readonly closeSignal: boolean;
  /** The error channel carries a metav1.Status with the exit code; before v4 it was a text, and nothing on success. */
  readonly jsonStatus: boolean;
}

const plain: ChannelProtocol = { base64: false, closeSignal: false, jsonStatus: false };
const v4: ChannelProtocol = { ...plain, jsonStatus: true };

/** Of exec and attach. A client that names no subprotocol gets the first one there ever was. */
export const remoteCommandProtocols: ReadonlyMap<string, ChannelProtocol> = new Map([
  ["v5.channel.k8s.io", { ...v4, closeSignal: true }],
  ["v4.channel.k8s.io", v4],
  ["v4.base64.channel.k8s.io", { ...v4, base64: true }],
  ["v3.channel.k8s.io", plain],
  ["v2.channel.k8s.io", plain],
  ["channel.k8s.io", plain],
  ["base64.channel.k8s.io", { ...plain, base64: true }],
  ["", plain],
]);

/** Of port-forward: two channels for each port of the request. */
export const portForwardProtocols: ReadonlyMap<string, ChannelProtocol> = new Map([
  ["v4.channel.k8s.io", v4],
  ["v4.base64.channel.k8s.io", { ...v4, base64: true }],
  ["", plain],
]);

/** A whole SPDY connection within binary messages (KEP-4006): what crictl and kubectl speak by choice. */
export const tunnelledPortForward = "SPDY/3.1+portforward.k8s.io";
