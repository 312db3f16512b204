/** What Python sends (views/packed.py): a header in JSON, and columns of numbers. */

const ARRAYS = { "<i4": Int32Array, "<f8": Float64Array };

/**
 * @param {Uint8Array} bytes
 * @returns {Record<string, any>} the header's entries and the columns, by name
 */
export function unpack(bytes) {
  const copy = bytes.slice(); // aligned, which a part of a message need not be
  const headerLength = Number(new DataView(copy.buffer).getBigUint64(0, true));
  const { columns, ...header } = JSON.parse(
    new TextDecoder().decode(copy.subarray(8, 8 + headerLength)),
  );
  for (const column of columns) {
    const Array = ARRAYS[column.type];
    const offset = 8 + headerLength + column.offset;
    const length = column.bytes / Array.BYTES_PER_ELEMENT;
    header[column.name] = new Array(copy.buffer, offset, length);
  }
  return header;
}

/** Whether Python sent the same again, as every run of the page does. */
export function isSame(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
