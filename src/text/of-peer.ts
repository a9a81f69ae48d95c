import { printable } from './printable.js'
import { longestPeerText, shortened } from './shortened.js'

/** A text that a peer wrote, as it may stand in a line of ours: printable, and cut. */
export function ofPeer(text: string, longest = longestPeerText): string {
  return shortened(printable(shortened(text, longest)), longest)
}
