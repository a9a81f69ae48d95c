/** One chart of the page: `charts.ts` decides everything about it, `draw-charts.js` draws it in the browser. */
export interface Chart {
  readonly title: string
  readonly about: string
  readonly kind: 'curves' | 'bars'
  readonly unit: string
  readonly x: readonly number[]
  /** Positions and labels of the axis marks. */
  readonly ticks: readonly (readonly [at: number, label: string])[]
  readonly series: readonly Line[]
}

export interface Line {
  readonly label: string
  /** A colour of `page.css`. */
  readonly color: 'plain' | 'full' | 'resumed'
  readonly values: readonly (number | null)[]
}
