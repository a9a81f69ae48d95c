import { printable } from './printable.js'
import { longestPeerText, shortened } from './shortened.js'

/** Text from a peer, as it may appear in a line of ours: printable, and cut. */
export function ofPeer(text: string, longest = longestPeerText): string {
  return shortened(printable(shortened(text, longest)), longest)
}
