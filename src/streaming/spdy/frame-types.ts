/** Control frame types of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, section 2.6). */
export const FrameType = {
  SynStream: 1,
  SynReply: 2,
  RstStream: 3,
  Settings: 4,
  Ping: 6,
  GoAway: 7,
  Headers: 8,
  WindowUpdate: 9,
} as const;

/** Payload of a control frame before its variable part, by type. */
export const controlFrameMinimumBytes: ReadonlyMap<number, number> = new Map([
  [FrameType.SynStream, 10],
  [FrameType.RstStream, 8],
  [FrameType.Ping, 4],
  [FrameType.GoAway, 8],
  [FrameType.Headers, 4],
]);

/** Ends the sender's half of the stream, on SYN_STREAM, SYN_REPLY, HEADERS and DATA. */
export const FLAG_FIN = 0x01;
/** On SYN_STREAM: the receiver has no half to send on. */
export const FLAG_UNIDIRECTIONAL = 0x02;

/** Why a stream ends before its time: the status of RST_STREAM (section 2.6.3). */
export const ResetStatus = {
  ProtocolError: 1,
  InvalidStream: 2,
  RefusedStream: 3,
  Cancel: 5,
  StreamAlreadyClosed: 9,
} as const;

/** Why a connection ends: the status of GOAWAY (section 2.6.6). */
export const GoAwayStatus = { Ok: 0, ProtocolError: 1 } as const;

/** The length field has 24 bits; both kinds of frames begin with 8 bytes. */
export const FRAME_HEADER_BYTES = 8;
export const SPDY_VERSION = 3;
export const MAX_STREAM_ID = 0x7fff_ffff;
