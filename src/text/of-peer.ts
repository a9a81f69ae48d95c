import { escapeControl } from './escape-control.js'
import { longestPeerText, shortened } from './shortened.js'

/** A text that a peer wrote, as it may stand in a line of ours: cut, and with line ends and control characters escaped. */
export function ofPeer(text: string, longest = longestPeerText): string {
  return shortened(escapeControl(shortened(text, longest)), longest)
}
