export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --card: #f6f8fa; --text: #1f2328; --muted: #59636e; --line: #d8dee4;
  --plain: #0072b2; --full: #d55e00; --resumed: #009e73;
  --met: #1a7f37; --not-met: #9a6700;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --card: #161b22; --text: #e6edf3; --muted: #9198a1; --line: #30363d;
    --plain: #56b4e9; --full: #f0883e; --resumed: #3fc79a;
    --met: #3fb950; --not-met: #d29922;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px }
h2 { font-size: 20px; margin: 40px 0 12px }
h3 { font-size: 16px; margin: 0 }
h3::first-letter { text-transform: uppercase }
p, figcaption, footer { color: var(--muted); font-size: 14px; margin: 0 }
p { overflow-wrap: anywhere }
.cards, .charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr)) }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 24px }
.card, figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 0; min-width: 0 }
.card strong { display: block; font-size: 26px; line-height: 1.3; font-variant-numeric: tabular-nums }
.met b { color: var(--met) } .not-met b { color: var(--not-met) }
.plot { margin-top: 8px }
.u-legend { font-size: 13px; text-align: left }
.u-legend .u-value { font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto; margin-bottom: 12px }
table.figures { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100% }
.figures th, .figures td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
.figures th { color: var(--muted); font-weight: 600 }
.figures .text { text-align: left }
.figures .ratio td { color: var(--muted) }
footer { margin-top: 24px }
`
