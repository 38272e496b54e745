import { assertNever } from "../../errors/assert-never.ts";
import type { MessageBuilder } from "../netlink/message-builder.ts";
import {
  NFT_REG_VERDICT,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_LIST_ELEM,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from "./constants.ts";

export const MetaKey = {
  mark: 3,
  inputInterfaceName: 6,
  outputInterfaceName: 7,
  family: 15,
  layer4Protocol: 16,
} as const;
const PayloadBase = { link: 0, network: 1, transport: 2 } as const;
const FIB_RESULT_ADDRTYPE = 3;
const FIB_FLAG_DADDR = 2;
const NF_DROP = 0;
const NF_ACCEPT = 1;
const NFT_JUMP = -3;
const NFT_GOTO = -4;
const NFT_LOOKUP_F_INV = 1;
const NFT_NAT_DNAT = 1;

/** One step of a rule (nft(8) shows it with --debug=netlink). Values are in the register's byte order: network order. */
export type Expression =
  | { readonly kind: "meta"; readonly key: number; readonly register: number }
  | { readonly kind: "set-meta"; readonly key: number; readonly register: number }
  | { readonly kind: "compare"; readonly register: number; readonly equal: boolean; readonly value: Uint8Array }
  | { readonly kind: "bitwise"; readonly register: number; readonly mask: Uint8Array; readonly xor: Uint8Array }
  | {
      readonly kind: "payload";
      readonly base: keyof typeof PayloadBase;
      readonly offset: number;
      readonly length: number;
      readonly register: number;
    }
  | { readonly kind: "lookup"; readonly set: string; readonly register: number; readonly into: number }
  /** Goes on only with what is in the set, or is not. */
  | { readonly kind: "member"; readonly set: string; readonly register: number; readonly is: boolean }
  | { readonly kind: "fib-daddr-type"; readonly register: number }
  | { readonly kind: "dnat"; readonly family: number; readonly addressRegister: number; readonly portRegister: number }
  | { readonly kind: "masquerade" }
  | { readonly kind: "jump"; readonly chain: string }
  /** As jump, without a way back: the end of that chain is the base chain's policy. */
  | { readonly kind: "goto"; readonly chain: string }
  | { readonly kind: "accept" }
  | { readonly kind: "drop" };

/** One NFTA_LIST_ELEM of a rule's expressions. */
export function writeExpression(builder: MessageBuilder, expression: Expression): void {
  const [name, body] = encoded(builder, expression);
  builder.nest(NFTA_LIST_ELEM, () => {
    builder.attributeString(NFTA_EXPR_NAME, name);
    builder.nest(NFTA_EXPR_DATA, body);
  });
}

/** The kernel's name of the expression, and what writes its attributes; attribute numbers are per expression. */
function encoded(b: MessageBuilder, expression: Expression): readonly [name: string, body: () => void] {
  switch (expression.kind) {
    case "meta":
      return [
        "meta",
        () => {
          b.attributeU32Be(2, expression.key);
          b.attributeU32Be(1, expression.register);
        },
      ];
    case "set-meta":
      return [
        "meta",
        () => {
          b.attributeU32Be(2, expression.key);
          b.attributeU32Be(3, expression.register);
        },
      ];
    case "compare":
      return [
        "cmp",
        () => {
          b.attributeU32Be(1, expression.register);
          b.attributeU32Be(2, expression.equal ? 0 : 1);
          b.nest(3, () => b.attribute(NFTA_DATA_VALUE, expression.value));
        },
      ];
    case "bitwise":
      return [
        "bitwise",
        () => {
          b.attributeU32Be(1, expression.register);
          b.attributeU32Be(2, expression.register);
          b.attributeU32Be(3, expression.mask.length);
          b.nest(4, () => b.attribute(NFTA_DATA_VALUE, expression.mask));
          b.nest(5, () => b.attribute(NFTA_DATA_VALUE, expression.xor));
        },
      ];
    case "payload":
      return [
        "payload",
        () => {
          b.attributeU32Be(1, expression.register);
          b.attributeU32Be(2, PayloadBase[expression.base]);
          b.attributeU32Be(3, expression.offset);
          b.attributeU32Be(4, expression.length);
        },
      ];
    case "lookup":
      return [
        "lookup",
        () => {
          b.attributeU32Be(2, expression.register);
          b.attributeU32Be(3, expression.into);
          b.attributeString(1, expression.set);
        },
      ];
    case "member":
      return [
        "lookup",
        () => {
          b.attributeU32Be(2, expression.register);
          b.attributeString(1, expression.set);
          if (!expression.is) b.attributeU32Be(5, NFT_LOOKUP_F_INV);
        },
      ];
    case "fib-daddr-type":
      return [
        "fib",
        () => {
          b.attributeU32Be(3, FIB_FLAG_DADDR);
          b.attributeU32Be(2, FIB_RESULT_ADDRTYPE);
          b.attributeU32Be(1, expression.register);
        },
      ];
    case "dnat":
      return [
        "nat",
        () => {
          b.attributeU32Be(1, NFT_NAT_DNAT);
          b.attributeU32Be(2, expression.family);
          b.attributeU32Be(3, expression.addressRegister);
          b.attributeU32Be(5, expression.portRegister);
        },
      ];
    case "masquerade":
      return ["masq", () => undefined];
    case "jump":
      return ["immediate", () => verdict(b, NFT_JUMP, expression.chain)];
    case "goto":
      return ["immediate", () => verdict(b, NFT_GOTO, expression.chain)];
    case "accept":
      return ["immediate", () => verdict(b, NF_ACCEPT, undefined)];
    case "drop":
      return ["immediate", () => verdict(b, NF_DROP, undefined)];
    default:
      return assertNever(expression, "nftables expression");
  }
}

function verdict(b: MessageBuilder, code: number, chain: string | undefined): void {
  b.attributeU32Be(1, NFT_REG_VERDICT);
  b.nest(2, () =>
    b.nest(NFTA_DATA_VERDICT, () => {
      b.attributeU32Be(NFTA_VERDICT_CODE, code);
      if (chain !== undefined) b.attributeString(NFTA_VERDICT_CHAIN, chain);
    }),
  );
}
