/** What a filter is asked: `struct seccomp_data`. */
export interface SystemCall {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

const LOAD_ABSOLUTE = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const RETURN = 0x06;
const jumps: Readonly<Record<number, (accumulator: number, k: number) => boolean>> = {
  21: (accumulator, k) => accumulator === k,
  37: (accumulator, k) => accumulator > k,
  53: (accumulator, k) => accumulator >= k,
  69: (accumulator, k) => (accumulator & k) !== 0,
};

function encode({ arch, number, args = [] }: SystemCall): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setInt32(0, number, true);
  view.setUint32(4, arch, true);
  for (const [index, value] of args.entries()) view.setBigUint64(16 + index * 8, value, true);
  return view;
}

/**
 * Runs a classic BPF program as the kernel's seccomp does (the instructions libseccomp emits, nothing else).
 *
 * @returns the unsigned SECCOMP_RET_* value.
 * @throws {Error} for an unknown instruction or a jump out of the program.
 */
export function runFilter(program: Uint8Array, call: SystemCall): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = encode(call);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.byteLength; at += 1) {
    const opcode = code.getUint16(at * 8, true);
    const k = code.getUint32(at * 8 + 4, true);
    const jump = jumps[opcode];
    if (opcode === RETURN) return k;
    if (opcode === LOAD_ABSOLUTE) accumulator = data.getUint32(k, true);
    else if (opcode === AND) accumulator = (accumulator & k) >>> 0;
    else if (opcode === JUMP) at += k;
    else if (jump !== undefined) at += code.getUint8(at * 8 + (jump(accumulator, k) ? 2 : 3));
    else throw new Error(`instruction ${at} is 0x${opcode.toString(16)}`);
  }
  throw new Error("the program ended without a verdict");
}
