/**
 * How many letters must be added, dropped, replaced or swapped with their neighbour to make one byte string
 * of the other (optimal string alignment); `limit + 1` as soon as it is clear that it is more than `limit`.
 * `text` is compared from `start` to `end`.
 */
export function editDistance(
  target: Uint8Array,
  text: Uint8Array,
  start: number,
  end: number,
  limit: number,
): number {
  const width = target.length
  if (Math.abs(end - start - width) > limit) return limit + 1
  let [beforeLast, last, current] = scratchRows(width)
  for (let column = 0; column <= width; column++) last[column] = column
  for (let row = 1; row <= end - start; row++) {
    const letter = text[start + row - 1]
    current[0] = row
    let least = row
    for (let column = 1; column <= width; column++) {
      const same = letter === target[column - 1]
      let cost = Math.min(
        at(last, column - 1) + (same ? 0 : 1),
        at(last, column) + 1,
        at(current, column - 1) + 1,
      )
      const swapped =
        row > 1 && column > 1 && letter === target[column - 2] && text[start + row - 2] === target[column - 1]
      if (swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current[column] = cost
      least = Math.min(least, cost)
    }
    if (least > limit) return limit + 1
    ;[beforeLast, last, current] = [last, current, beforeLast]
  }
  return at(last, width)
}

type Row = Uint16Array

let scratch: [Row, Row, Row] = [new Uint16Array(0), new Uint16Array(0), new Uint16Array(0)]

// Called for each name of the gazetteer: the three rows are allocated once.
function scratchRows(width: number): [Row, Row, Row] {
  if (scratch[0].length <= width)
    scratch = [new Uint16Array(width + 1), new Uint16Array(width + 1), new Uint16Array(width + 1)]
  return [scratch[0], scratch[1], scratch[2]]
}

function at(row: Row, index: number): number {
  return row[index] as number
}
