import { NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE } from "../netlink/constants.ts";
import type { MessageBuilder } from "../netlink/message-builder.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { parseAttributes, readU32Be } from "../netlink/parse-messages.ts";
import {
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_UNSPEC,
  NFT_SET_MAP,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_DATA_VALUE,
  NFTA_GEN_ID,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_TABLE,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_FLAGS,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_NAME,
  type NfHook,
  NftMessage,
} from "./constants.ts";
import { type Expression, writeExpression } from "./expressions.ts";

const NFGENMSG_BYTES = 4;

export interface BaseChainHook {
  readonly type: "nat" | "filter";
  readonly hook: (typeof NfHook)[keyof typeof NfHook];
  readonly priority: number;
}

/** Both have tables by name; the same name in both is two tables. */
export interface NftTable {
  readonly family: keyof typeof tableFamilies;
  readonly name: string;
}

const tableFamilies = { inet: NFPROTO_INET, bridge: NFPROTO_BRIDGE } as const;

export interface SetDefinition {
  readonly name: string;
  readonly keyTypes: readonly number[];
  readonly keyBytes: number;
}

export interface MapDefinition extends SetDefinition {
  readonly dataTypes: readonly number[];
  readonly dataBytes: number;
}

/** Of a map where it has a value, of a plain set where it has none. */
export interface SetElement {
  readonly set: string;
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** Operations of one nftables transaction on one table, written in the order they are called. */
export class NftBatch {
  readonly #builder: MessageBuilder;
  readonly #family: number;
  readonly #table: string;
  #setId = 1;

  constructor(builder: MessageBuilder, table: NftTable) {
    this.#builder = builder;
    this.#family = tableFamilies[table.family];
    this.#table = table.name;
  }

  /** Existing is success. */
  addTable(): void {
    this.#operation(NftMessage.newTable, NLM_F_CREATE, (b) => b.attributeString(NFTA_TABLE_NAME, this.#table));
  }

  /** With everything in it. */
  deleteTable(): void {
    this.#operation(NftMessage.deleteTable, 0, (b) => b.attributeString(NFTA_TABLE_NAME, this.#table));
  }

  addChain(name: string, hook?: BaseChainHook): void {
    this.#operation(NftMessage.newChain, NLM_F_CREATE, (b) => {
      b.attributeString(NFTA_CHAIN_TABLE, this.#table);
      b.attributeString(NFTA_CHAIN_NAME, name);
      if (hook === undefined) return;
      b.nest(NFTA_CHAIN_HOOK, () => {
        b.attributeU32Be(NFTA_HOOK_HOOKNUM, hook.hook);
        b.attributeU32Be(NFTA_HOOK_PRIORITY, hook.priority);
      });
      b.attributeString(NFTA_CHAIN_TYPE, hook.type);
    });
  }

  addSet(set: SetDefinition): void {
    this.#set(set, undefined);
  }

  addMap(map: MapDefinition): void {
    this.#set(map, map);
  }

  #set(set: SetDefinition, data: MapDefinition | undefined): void {
    this.#operation(NftMessage.newSet, NLM_F_CREATE, (b) => {
      b.attributeString(NFTA_SET_TABLE, this.#table);
      b.attributeString(NFTA_SET_NAME, set.name);
      b.attributeU32Be(NFTA_SET_FLAGS, data === undefined ? 0 : NFT_SET_MAP);
      b.attributeU32Be(NFTA_SET_KEY_TYPE, concatenated(set.keyTypes));
      b.attributeU32Be(NFTA_SET_KEY_LEN, set.keyBytes);
      if (data !== undefined) {
        b.attributeU32Be(NFTA_SET_DATA_TYPE, concatenated(data.dataTypes));
        b.attributeU32Be(NFTA_SET_DATA_LEN, data.dataBytes);
      }
      b.attributeU32Be(NFTA_SET_ID, this.#setId++);
    });
  }

  /** Appended at the end of the chain. */
  addRule(chain: string, expressions: readonly Expression[]): void {
    this.#operation(NftMessage.newRule, NLM_F_CREATE | NLM_F_APPEND, (b) => {
      b.attributeString(NFTA_RULE_TABLE, this.#table);
      b.attributeString(NFTA_RULE_CHAIN, chain);
      b.nest(NFTA_RULE_EXPRESSIONS, () => {
        for (const expression of expressions) writeExpression(b, expression);
      });
    });
  }

  addElement(element: SetElement): void {
    this.#element(NftMessage.newElement, NLM_F_CREATE, element);
  }

  /** Fails the whole batch with ENOENT when the element is not there. */
  deleteElement(element: SetElement): void {
    this.#element(NftMessage.deleteElement, 0, element);
  }

  #element(message: number, flags: number, element: SetElement): void {
    this.#operation(message, flags, (b) => {
      b.attributeString(NFTA_SET_ELEM_LIST_TABLE, this.#table);
      b.attributeString(NFTA_SET_ELEM_LIST_SET, element.set);
      b.nest(NFTA_SET_ELEM_LIST_ELEMENTS, () =>
        b.nest(NFTA_LIST_ELEM, () => {
          b.nest(NFTA_SET_ELEM_KEY, () => b.attribute(NFTA_DATA_VALUE, element.key));
          const { value } = element;
          if (value !== undefined) b.nest(NFTA_SET_ELEM_DATA, () => b.attribute(NFTA_DATA_VALUE, value));
        }),
      );
    });
  }

  #operation(message: number, flags: number, body: (builder: MessageBuilder) => void): void {
    nftHeader(this.#builder, message, this.#family, flags);
    body(this.#builder);
    this.#builder.end();
  }
}

/** The operations of one transaction, on as many tables as it likes. */
export type NftOperations = (on: (table: NftTable) => NftBatch) => void;

/** Runs `operations` as one transaction. @throws {NetlinkError} the first refusal; nothing of the batch was done then. */
export async function runNftBatch(socket: NetlinkSocket, what: string, operations: NftOperations): Promise<void> {
  await socket.transactBatch(what, (builder) => {
    batchBoundary(builder, NFNL_MSG_BATCH_BEGIN);
    operations((table) => new NftBatch(builder, table));
    builder.addFlagsToLast(NLM_F_ACK);
    const lastOperation = builder.lastSequence;
    batchBoundary(builder, NFNL_MSG_BATCH_END);
    return { lastOperation };
  });
}

/** Number of the ruleset's present state: unchanged means that no rule was changed. */
export async function nftGeneration(socket: NetlinkSocket): Promise<number> {
  let generation = 0;
  await socket.transact(
    "get nftables generation",
    (builder) => {
      nftHeader(builder, NftMessage.getGeneration, NFPROTO_UNSPEC, 0);
      builder.end();
    },
    ({ body }) => {
      const id = parseAttributes(body, NFGENMSG_BYTES).get(NFTA_GEN_ID);
      if (id !== undefined) generation = readU32Be(id);
    },
  );
  return generation;
}

/** @throws {NetlinkError} ENOENT when the table is not there. */
export async function requireTable(socket: NetlinkSocket, table: NftTable): Promise<void> {
  await socket.transact(`get nftables table ${table.family} ${table.name}`, (builder) => {
    nftHeader(builder, NftMessage.getTable, tableFamilies[table.family], 0);
    builder.attributeString(NFTA_TABLE_NAME, table.name);
    builder.end();
  });
}

function nftHeader(builder: MessageBuilder, message: number, family: number, flags: number): void {
  builder.begin((NFNL_SUBSYS_NFTABLES << 8) | message, flags);
  builder.u8(family);
  builder.u8(0);
  builder.u16Be(0);
}

function batchBoundary(builder: MessageBuilder, message: number): void {
  builder.begin(message, 0);
  builder.u8(NFPROTO_UNSPEC);
  builder.u8(0);
  builder.u16Be(NFNL_SUBSYS_NFTABLES);
  builder.end();
}

function concatenated(types: readonly number[]): number {
  return types.reduce((joined, type) => (joined << 6) | type, 0);
}
