import { TypeOverrides, types } from 'pg';
import type { Timestamp } from '../gen/google/protobuf/timestamp';

/** How values of the database become values of the contract. */
export const columnTypes = new TypeOverrides();
columnTypes.setTypeParser(types.builtins.INT8, BigInt);
columnTypes.setTypeParser(types.builtins.TIMESTAMPTZ, timestampOf);

const dateOf = types.getTypeParser(types.builtins.TIMESTAMPTZ) as (text: string) => Date;

/** With the microseconds that a Date drops. */
function timestampOf(text: string): Timestamp {
  const [, fraction = ''] = /\.(\d+)/.exec(text) ?? [];
  return {
    seconds: BigInt(Math.floor(dateOf(text).getTime() / 1000)),
    nanos: Number(fraction.padEnd(9, '0')),
  };
}
