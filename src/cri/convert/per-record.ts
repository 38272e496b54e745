/**
 * Remembers what a record was turned into for as long as the record lives.
 *
 * Records are frozen and replaced when something changes, so that the object itself is the version. The kubelet lists
 * everything every second or so: most of a list is the same as last time.
 */
export function perRecord<Key extends object, Value>(make: (record: Key) => Value): (record: Key) => Value {
  const made = new WeakMap<Key, { readonly value: Value }>();
  return (record) => {
    const known = made.get(record);
    if (known !== undefined) return known.value;
    const value = make(record);
    made.set(record, { value });
    return value;
  };
}
