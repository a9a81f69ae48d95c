import { editDistance } from '../../places/edit-distance.js'
import { ofPeer } from '../../text/of-peer.js'

const most = 3

/** Up to three of these names that may have been meant: spelled nearly like it, or with it in them. */
export function nearNames(typed: string, names: readonly string[]): string[] {
  const meant = folded(typed)
  const likeness = (name: string) => {
    const target = folded(name)
    if (target === meant) return 0
    const [text, other] = [Buffer.from(meant), Buffer.from(target)]
    const limit = text.length <= 4 ? 1 : text.length <= 8 ? 2 : 3
    const distance = editDistance(text, other, 0, other.length, limit)
    if (distance <= limit) return distance
    return meant.length > 2 && target.includes(meant) ? limit + 1 : Number.POSITIVE_INFINITY
  }
  return names
    .filter((name) => name.length <= 256)
    .map((name) => ({ name, distance: likeness(name) }))
    .filter(({ distance }) => distance < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name)
}

/** `Did you mean echo?`, or what is known; '' when there is nothing. */
export function suggestion(typed: string, names: readonly string[]): string {
  const near = nearNames(typed, names)
  if (near.length > 0) return `Did you mean ${near.map((name) => ofPeer(name)).join(', ')}?`
  const shown = names.slice(0, 10).map((name) => ofPeer(name, 60))
  if (shown.length === 0) return ''
  return `Known: ${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}.`
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, '')
}
