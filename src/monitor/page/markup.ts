/** The page without anything in it; `script.ts` fills it, and all text comes in as text. */
export const pageMarkup = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mcp-mtls monitor</title>
<link rel="icon" type="image/svg+xml" href="/icon.svg">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<a class="skip" href="#servers">Skip to the servers</a>
<header>
  <div class="bar">
    <p class="brand">mcp-mtls <span>monitor</span></p>
    <nav aria-label="Parts of this page">
      <a href="#servers">Servers</a>
      <a href="#certificates">Certificates</a>
      <a href="#events">Events</a>
    </nav>
    <p class="link" id="link" data-state="waiting">connecting</p>
  </div>
  <div class="verdict" id="verdict" data-level="waiting">
    <span class="glyph" aria-hidden="true">…</span>
    <div role="status">
      <h1>Looking</h1>
      <p id="summary">The first look takes a moment.</p>
    </div>
  </div>
</header>
<main>
  <section id="servers" aria-labelledby="servers-title" tabindex="-1">
    <h2 id="servers-title">Servers</h2>
    <ul class="cards" role="list"></ul>
    <p class="empty" hidden>No server is watched.</p>
  </section>
  <section id="certificates" aria-labelledby="certificates-title" tabindex="-1">
    <div class="heading">
      <h2 id="certificates-title">Certificates</h2>
      <p class="note">by when they end, what ends first on top</p>
    </div>
    <div class="scale" aria-hidden="true"></div>
    <ol class="lives" role="list"></ol>
    <p class="empty" hidden>No certificate was found.</p>
  </section>
  <section id="events" aria-labelledby="events-title" tabindex="-1">
    <div class="heading">
      <h2 id="events-title">Events</h2>
      <p class="note">since this monitor was started, the newest on top</p>
    </div>
    <ol class="log" role="list"></ol>
    <p class="empty">Nothing has changed.</p>
  </section>
</main>
<footer>
  <p>mcp-mtls <span id="version"></span> · for scripts: <a href="/status.json">status.json</a>, <a href="/metrics">metrics</a>, <a href="/health">health</a></p>
</footer>
<noscript><p class="noscript">This page needs its script. Without one: <a href="/status.json">status.json</a>.</p></noscript>
</body>
</html>
`

export const pageIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#2b5fd9"/><path d="M3 8.5h2.5L7 4.5l2.5 7 1.5-3h2" fill="none" stroke="#fff" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/></svg>
`
