/** How a kind of record is split into what is large and seldom changes (`document`) and the rest (`body`). */
export interface RecordCodec<Id extends string, Stored> {
  readonly table: string;
  /** Written into every row; a row with a higher number was made by a newer crib and is refused. */
  readonly version: number;
  id(record: Stored): Id;
  /** What `inGroup` finds records by; never changes for a record. */
  group(record: Stored): string;
  encodeDocument(record: Stored): Uint8Array;
  encodeBody(record: Stored): string;
  decode(id: Id, document: Uint8Array, body: string): Stored;
}
