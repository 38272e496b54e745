import type { DeviceRule } from "../../oci/resources/cgroup-resources.ts";

/**
 * The BPF program (BPF_PROG_TYPE_CGROUP_DEVICE) that decides about device access on cgroup v2: 1 for what a rule allows,
 * 0 for all else. One pass over the rules, each a few comparisons:
 *
 *   r2 = type, r3 = access asked for, r4 = major, r5 = minor     (struct bpf_cgroup_dev_ctx)
 *   per rule: skip unless the type is right, the access asked for lies within the rule's, major and minor match; return 1
 *   return 0
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  return assemble([...loadContext, ...rules.flatMap(ruleInstructions), ...answer(0)]);
}

/** For a privileged container whose group had a stricter program: everything is allowed. */
export function allowAllDevicesProgram(): Uint8Array {
  return assemble(answer(1));
}

interface Instruction {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

/** include/uapi/linux/bpf.h: class | size or operation | mode or source. */
const LDX_W = 0x61;
const ALU_AND_K = 0x54;
const ALU_RSH_K = 0x74;
const ALU_MOV_X = 0xbc;
const MOV_K = 0xb7;
const JMP_NE_K = 0x55;
const JMP_NE_X = 0x5d;
const EXIT = 0x95;

/** BPF_DEVCG_DEV_BLOCK, _CHAR; BPF_DEVCG_ACC_MKNOD, _READ, _WRITE. */
const deviceTypes = { b: 1, c: 2 } as const;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const allAccess = 7;

const loadContext: readonly Instruction[] = [
  { code: LDX_W, dst: 2, src: 1, offset: 0 },
  { code: LDX_W, dst: 3, src: 1, offset: 0 },
  { code: ALU_AND_K, dst: 2, immediate: 0xffff },
  { code: ALU_RSH_K, dst: 3, immediate: 16 },
  { code: LDX_W, dst: 4, src: 1, offset: 4 },
  { code: LDX_W, dst: 5, src: 1, offset: 8 },
];

function ruleInstructions({ type, major, minor, access }: DeviceRule): readonly Instruction[] {
  const mask = [...access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
  const tests: Instruction[] = [];
  if (type !== "a") tests.push({ code: JMP_NE_K, dst: 2, immediate: deviceTypes[type] });
  if (mask !== allAccess) {
    tests.push(
      { code: ALU_MOV_X, dst: 1, src: 3 },
      { code: ALU_AND_K, dst: 1, immediate: mask },
      { code: JMP_NE_X, dst: 1, src: 3 },
    );
  }
  if (major !== undefined) tests.push({ code: JMP_NE_K, dst: 4, immediate: major });
  if (minor !== undefined) tests.push({ code: JMP_NE_K, dst: 5, immediate: minor });
  const allowed = answer(1);
  // A failed test jumps over the rest of the rule: its other tests and the two instructions that allow.
  return [
    ...tests.map((test, position) =>
      test.code === JMP_NE_K || test.code === JMP_NE_X
        ? { ...test, offset: tests.length - position - 1 + allowed.length }
        : test,
    ),
    ...allowed,
  ];
}

function answer(value: 0 | 1): readonly Instruction[] {
  return [{ code: MOV_K, dst: 0, immediate: value }, { code: EXIT }];
}

/** `struct bpf_insn`: u8 code, u4 dst, u4 src, s16 offset, s32 immediate. */
function assemble(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, { code, dst = 0, src = 0, offset = 0, immediate = 0 }] of program.entries()) {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, (src << 4) | dst);
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  }
  return new Uint8Array(view.buffer);
}
