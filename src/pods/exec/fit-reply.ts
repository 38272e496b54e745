/** Room for the reply's other fields, its framing and what a proxy adds. */
const overheadBytes = 4096;

/**
 * Cuts two outputs so that the reply with both stays below what clients accept in one message (16 MiB in the kubelet's and
 * crictl's gRPC): a short one is kept whole and leaves its room to the other, two long ones get half each.
 */
export function fitReply(
  output: { readonly stdout: Uint8Array; readonly stderr: Uint8Array },
  limitBytes: number,
): { readonly stdout: Uint8Array; readonly stderr: Uint8Array } {
  const room = limitBytes - overheadBytes;
  const { stdout, stderr } = output;
  if (stdout.byteLength + stderr.byteLength <= room) return output;
  const half = Math.floor(room / 2);
  const stderrRoom = Math.max(half, room - stdout.byteLength);
  const keptStderr = stderr.subarray(0, stderrRoom);
  return { stdout: stdout.subarray(0, room - keptStderr.byteLength), stderr: keptStderr };
}
